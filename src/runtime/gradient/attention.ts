import * as graphs from '../../graph/index.js';
import type { DecoderSpec } from '../../model/types.js';
import {
  AttentionBackward,
  type AttentionBlocks,
  type AttentionGiven,
  type AttentionRows,
} from './attention-backward.js';
import { attentionForward } from './attention-forward.js';
import type { SequenceRows } from './sequence-rows.js';
import { type Pass, Step } from './step.js';

export type BlockSizes = Pick<AttentionBlocks, 'blockQueries' | 'groupsHeads'>;

/** Both passes of causal attention within every sequence, on rotated queries and keys. `window` as in `DecoderSpec.slidingWindow`. */
export class Attention {
  readonly #kernels = new Map<number | null, Step>();

  private constructor(
    private readonly spec: DecoderSpec,
    private readonly threads: number,
    private readonly sizes: BlockSizes,
    private readonly backwardPass: AttentionBackward,
  ) {}

  static async open(spec: DecoderSpec, threads: number, sizes: BlockSizes): Promise<Attention> {
    return new Attention(spec, threads, sizes, await AttentionBackward.open(spec, threads));
  }

  /** Writes `attended` [N, heads * headDim]. */
  async forward(
    pass: Pass,
    window: number | null,
    rows: AttentionRows,
    { spans }: SequenceRows,
    attended: Float32Array,
  ): Promise<void> {
    await attentionForward(this.spec, await this.#kernelOf(window), pass, rows, spans, attended);
  }

  /** Gradients with respect to queries, keys and values; they hold until the next call. */
  backward(pass: Pass, window: number | null, given: AttentionGiven, { spans }: SequenceRows): Promise<AttentionRows> {
    return this.backwardPass.run(pass, given, { spans, window, ...this.sizes });
  }

  async close(): Promise<void> {
    for (const kernel of this.#kernels.values()) await kernel.close();
    await this.backwardPass.close();
  }

  async #kernelOf(window: number | null): Promise<Step> {
    const known = this.#kernels.get(window);
    if (known) return known;
    const step = await Step.open(graphs.attentionForward(this.spec, window), this.spec, this.threads);
    this.#kernels.set(window, step);
    return step;
  }
}
