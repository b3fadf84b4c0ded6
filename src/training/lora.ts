import { Draws } from '../corpus/index.js';
import type { LowRank, Weights } from '../runtime/index.js';
import type { Update } from './adamw.js';
import type { Orthogonalize } from './muon.js';
import { isHiddenMatrix, Optimizer, type OptimizerSettings, type Shapes, type WeightUpdater } from './optimizer.js';

/** Named as in PEFT's LoraConfig. */
export interface LoraSettings {
  readonly r: number;
  /** The update is `loraAlpha / r` times the product of its factors. */
  readonly loraAlpha: number;
  /** Modules whose matrices are adapted, e.g. q_proj. */
  readonly targetModules: readonly string[];
  /** Tensors whose name contains one of these words are trained whole, e.g. embed_tokens, norm. */
  readonly modulesToSave: readonly string[];
}

/** The matrices of layers that get an update of low rank, and the tensors that are trained whole. */
export function loraTensors(
  { targetModules, modulesToSave }: Pick<LoraSettings, 'targetModules' | 'modulesToSave'>,
  shapes: Shapes,
) {
  const whole = [...shapes.keys()].filter((name) => modulesToSave.some((word) => name.includes(word)));
  const adapted = [...shapes].flatMap(([name, shape]) =>
    isHiddenMatrix(name, shape) &&
    !whole.includes(name) &&
    targetModules.some((module) => name.split('.').includes(module))
      ? name
      : [],
  );
  return { adapted, whole };
}

/** The weights whose gradients its steps are made of. */
export function weightsOfGradients(lora: LoraSettings | null, shapes: Shapes): ReadonlySet<string> {
  if (lora === null) return new Set(shapes.keys());
  const { adapted, whole } = loraTensors(lora, shapes);
  return new Set([...adapted, ...whole]);
}

/** Shapes of all that is trained, by name: the two factors of every adapted matrix, as PEFT names them, and what is trained whole. */
export function trainedShapes(settings: LoraSettings, shapes: Shapes): Map<string, readonly number[]> {
  const { adapted, whole } = loraTensors(settings, shapes);
  const trained = new Map<string, readonly number[]>();
  for (const name of adapted) {
    const [rows, columns] = shapes.get(name) as readonly [number, number];
    trained.set(factorName(name, 'lora_A'), [settings.r, columns]);
    trained.set(factorName(name, 'lora_B'), [rows, settings.r]);
  }
  for (const name of whole) trained.set(name, shapes.get(name) as readonly number[]);
  return trained;
}

function factorName(matrix: string, factor: 'lora_A' | 'lora_B'): string {
  return matrix.replace(/weight$/, `${factor}.weight`);
}

export interface LoraParts {
  readonly settings: LoraSettings;
  readonly optimizer: OptimizerSettings;
  readonly shapes: Shapes;
  /** As they are before training; adapted ones are copied. */
  readonly weights: Weights;
  readonly seed: number;
  readonly products: LowRank;
  readonly orthogonalize: Orthogonalize;
}

/**
 * Low-rank adaptation (Hu et al. 2021): a matrix W stays, W + (alpha / r) B A is computed with, and A and B are trained. B begins as
 * zeros, A uniform within 1 / sqrt(columns), as in PEFT. Weights always hold the sum, so a checkpoint is a model as ever; A and B are
 * part of the optimiser's state. Gradients are those of the sums: of whole matrices, but of no others.
 */
export class LoraOptimizer implements WeightUpdater {
  /** A, B and what the optimiser remembers of them. */
  readonly state: ReadonlyMap<string, Float32Array>;
  private readonly base = new Map<string, Float32Array>();
  private readonly factors = new Map<string, Float32Array>();
  private readonly whole: readonly string[];
  private readonly inner: Optimizer;

  constructor(private readonly parts: LoraParts) {
    const { settings, shapes, weights, seed, optimizer, orthogonalize } = parts;
    const { adapted, whole } = loraTensors(settings, shapes);
    const trained = trainedShapes(settings, shapes);
    const draws = new Draws([seed, 0x10fa]);
    for (const name of adapted) {
      this.base.set(name, (weights.get(name) as Float32Array).slice());
      const [, columns] = shapes.get(name) as readonly [number, number];
      const bound = 1 / Math.sqrt(columns);
      for (const factor of ['lora_A', 'lora_B'] as const) {
        const [height, width] = trained.get(factorName(name, factor)) as readonly [number, number];
        const values = new Float32Array(height * width);
        if (factor === 'lora_A') for (const i of values.keys()) values[i] = bound * (2 * draws.uniform() - 1);
        this.factors.set(factorName(name, factor), values);
      }
    }
    this.whole = whole;
    this.inner = new Optimizer(optimizer, trained, orthogonalize);
    this.state = new Map([...this.inner.state, ...this.factors]);
  }

  async gradients(ofWeights: ReadonlyMap<string, Float32Array>): Promise<ReadonlyMap<string, Float32Array>> {
    const gradients = new Map<string, Float32Array>();
    for (const name of this.base.keys()) {
      const { a, b } = await this.parts.products.gradients(ofWeights.get(name) as Float32Array, this.factorsOf(name));
      gradients.set(factorName(name, 'lora_A'), a).set(factorName(name, 'lora_B'), b);
    }
    for (const name of this.whole) gradients.set(name, ofWeights.get(name) as Float32Array);
    return gradients;
  }

  async update(
    weights: Weights,
    gradients: ReadonlyMap<string, Float32Array>,
    update: Omit<Update, 'weightDecay'>,
  ): Promise<void> {
    const whole = this.whole.map((name) => [name, weights.get(name) as Float32Array] as const);
    await this.inner.update(new Map([...this.factors, ...whole]), gradients, update);
    for (const [name, base] of this.base)
      await this.parts.products.add(base, this.factorsOf(name), weights.get(name) as Float32Array);
  }

  private factorsOf(name: string) {
    const [rows, columns] = this.parts.shapes.get(name) as readonly [number, number];
    const factor = (kind: 'lora_A' | 'lora_B') => this.factors.get(factorName(name, kind)) as Float32Array;
    return { a: factor('lora_A'), b: factor('lora_B'), rows, columns, rank: this.parts.settings.r };
  }
}
