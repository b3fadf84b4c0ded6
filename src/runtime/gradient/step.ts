import type { StepGraph } from '../../graph/index.js';
import { decoderTensors, sizeOfShape } from '../../model/index.js';
import type { DecoderSpec } from '../../model/types.js';
import { Buffers } from '../buffers.js';
import { Session, type Tensor } from '../session.js';

/** Weights by canonical name, float32, row-major as checkpoints store them. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** One pass through the model: its weights, and where their gradients are summed up. */
export interface Pass {
  readonly weights: Weights;
  readonly sums: Map<string, Float32Array>;
  /** For all that does not outlive the pass. */
  readonly buffers: Buffers;
}

/** A graph that serves every layer, since weights are its inputs. */
export class Step {
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #parts = new Buffers();

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

  /** Runs with the weights of `layer`. Gradients of weights are added to the sums of the pass, the other outputs written to `outputs`. */
  async run(
    { weights, sums }: Pass,
    layer: number,
    feeds: Readonly<Record<string, Tensor>>,
    outputs: Readonly<Record<string, Tensor>>,
  ): Promise<void> {
    const own = (name: string) => name.replace(/^model\.layers\.\d+\./, `model.layers.${layer}.`);
    const all: Record<string, Tensor> = { ...feeds };
    for (const name of this.graph.parameters) {
      const [data, dims] = [weights.get(own(name)), this.#shapes.get(name)];
      if (data === undefined || dims === undefined) throw new Error(`no weight named ${own(name)}`);
      all[name] = { type: 'float32', data, dims };
    }
    const targets: Record<string, Tensor> = { ...outputs };
    const parts: { readonly sum: Float32Array; readonly part: Float32Array }[] = [];
    for (const [output, weight] of this.graph.gradients) {
      const dims = this.#shapes.get(weight) as readonly number[];
      const size = sizeOfShape(dims);
      const sum = sums.get(own(weight));
      // The first part of a sum becomes the sum.
      const data = sum === undefined ? new Float32Array(size) : this.#parts.get(output, size);
      if (sum === undefined) sums.set(own(weight), data);
      else parts.push({ sum, part: data });
      targets[output] = { type: 'float32', data, dims };
    }
    await this.session.runInto(all, targets);
    for (const { sum, part } of parts) addInto(sum, part);
  }

  close(): Promise<void> {
    return this.session.close();
  }
}

export function addInto(sum: Float32Array | Float64Array, part: Float32Array): void {
  for (let i = 0; i < part.length; i++) sum[i] = (sum[i] as number) + (part[i] as number);
}
