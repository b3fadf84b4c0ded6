import { sizeOfShape } from '../model/index.js';
import type { Weights } from '../runtime/index.js';
import { type AdamSettings, adamwUpdate, type Update } from './adamw.js';
import { type MuonSettings, muonUpdate, type Orthogonalize } from './muon.js';

export const OPTIMIZERS = ['adamw', 'muon'] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];

export interface OptimizerSettings extends AdamSettings, MuonSettings {
  readonly name: OptimizerName;
  /** Of matrices; norms and biases are never decayed. */
  readonly weightDecay: number;
}

export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Tensors that Muon is for: the matrices of the layers. Embedding, head, norms and biases are AdamW's. */
export function isHiddenMatrix(name: string, shape: readonly number[]): boolean {
  return name.startsWith('model.layers.') && shape.length === 2;
}

/** What HF Trainer decays (`get_decay_parameter_names`): all but norms and biases. */
export function isDecayed(name: string): boolean {
  return !/bias$|norm\.weight$/.test(name);
}

/** What an optimiser remembers of a tensor, each as large as it, by the names of torch. */
export function stateKinds(optimizer: OptimizerName, name: string, shape: readonly number[]): readonly string[] {
  return optimizer === 'muon' && isHiddenMatrix(name, shape) ? ['momentum_buffer'] : ['exp_avg', 'exp_avg_sq'];
}

/** How a step changes weights. */
export interface WeightUpdater {
  /** What it remembers between steps. */
  readonly state: ReadonlyMap<string, Float32Array>;
  /** The gradients of what is trained, from those of all weights, which it uses up. */
  gradients(ofWeights: ReadonlyMap<string, Float32Array>): Promise<ReadonlyMap<string, Float32Array>>;
  /** Changes weights by the gradients of what is trained, which it uses up. */
  update(
    weights: Weights,
    gradients: ReadonlyMap<string, Float32Array>,
    update: Omit<Update, 'weightDecay'>,
  ): Promise<void>;
}

/** Trains all weights; what it remembers are tensors that begin as zeros. */
export class Optimizer implements WeightUpdater {
  /** `KIND.NAME` for each of `stateKinds`. */
  readonly state = new Map<string, Float32Array>();

  constructor(
    private readonly settings: OptimizerSettings,
    private readonly shapes: Shapes,
    private readonly orthogonalize: Orthogonalize,
  ) {
    for (const [name, shape] of shapes) {
      const size = sizeOfShape(shape);
      for (const kind of stateKinds(settings.name, name, shape))
        this.state.set(`${kind}.${name}`, new Float32Array(size));
    }
  }

  async gradients(ofWeights: ReadonlyMap<string, Float32Array>): Promise<ReadonlyMap<string, Float32Array>> {
    return ofWeights;
  }

  async update(
    weights: Weights,
    gradients: ReadonlyMap<string, Float32Array>,
    { step, learningRate }: Omit<Update, 'weightDecay'>,
  ): Promise<void> {
    for (const [name, shape] of this.shapes) {
      const [weight, gradient] = [weights.get(name), gradients.get(name)];
      if (weight === undefined || gradient === undefined) throw new Error(`no weight or no gradient of ${name}`);
      const update = { step, learningRate, weightDecay: isDecayed(name) ? this.settings.weightDecay : 0 };
      const state = (kind: string) => this.state.get(`${kind}.${name}`) as Float32Array;
      if (this.#usesMuon(name)) {
        const options = { ...this.settings, orthogonalize: this.orthogonalize };
        const size = shape as readonly [number, number];
        await muonUpdate(weight, gradient, state('momentum_buffer'), size, options, update);
      } else {
        const averages = { mean: state('exp_avg'), square: state('exp_avg_sq') };
        adamwUpdate(weight, gradient, averages, this.settings, update);
      }
    }
  }

  #usesMuon(name: string): boolean {
    return this.settings.name === 'muon' && isHiddenMatrix(name, this.shapes.get(name) as readonly number[]);
  }
}
