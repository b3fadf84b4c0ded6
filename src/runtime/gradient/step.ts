import type { StepGraph } from '../../graph/index.js';
import { decoderTensors } from '../../model/index.js';
import type { DecoderSpec } from '../../model/types.js';
import { Session, type Tensor } from '../session.js';

/** Weights by canonical name, float32, row-major as checkpoints store them. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** One pass through the model: its weights, and where their gradients are summed up. */
export interface Pass {
  readonly weights: Weights;
  readonly sums: Map<string, Float32Array>;
}

/** A graph that serves every layer, since weights are its inputs. */
export class Step {
  readonly #shapes: ReadonlyMap<string, readonly number[]>;

  private constructor(
    private readonly graph: StepGraph,
    private readonly session: Session,
    spec: DecoderSpec,
  ) {
    this.#shapes = decoderTensors(spec);
  }

  static async open(graph: StepGraph, spec: DecoderSpec, threads: number): Promise<Step> {
    // No weight lies in a file, so no folder is ever looked into.
    return new Step(
      graph,
      await Session.create(graph.name, graph.model, { weightFolder: '.', threads, flushDenormals: true }),
      spec,
    );
  }

  /** Runs with the weights of `layer`. Gradients of weights are added to the sums of the pass, the other outputs returned. */
  async run({ weights, sums }: Pass, layer: number, feeds: Readonly<Record<string, Tensor>>) {
    const own = (name: string) => name.replace(/^model\.layers\.\d+\./, `model.layers.${layer}.`);
    const all: Record<string, Tensor> = { ...feeds };
    for (const name of this.graph.parameters) {
      const [data, dims] = [weights.get(own(name)), this.#shapes.get(name)];
      if (data === undefined || dims === undefined) throw new Error(`no weight named ${own(name)}`);
      all[name] = { type: 'float32', data, dims };
    }
    const results = await this.session.runFor(all, this.graph.outputs);
    const others: Record<string, Float32Array> = {};
    this.graph.outputs.forEach((output, i) => {
      const weight = this.graph.gradients.get(output);
      if (weight === undefined) others[output] = results[i] as Float32Array;
      else addTo(sums, own(weight), results[i] as Float32Array);
    });
    return (output: string) => others[output] as Float32Array;
  }

  close(): Promise<void> {
    return this.session.close();
  }
}

function addTo(sums: Map<string, Float32Array>, name: string, part: Float32Array): void {
  const sum = sums.get(name);
  if (sum === undefined) sums.set(name, part);
  else addInto(sum, part);
}

export function addInto(sum: Float32Array | Float64Array, part: ArrayLike<number>): void {
  for (let i = 0; i < part.length; i++) sum[i] = (sum[i] as number) + (part[i] as number);
}
