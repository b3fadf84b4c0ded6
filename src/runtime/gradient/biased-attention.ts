import type { DecoderSpec } from '../../model/types.js';
import { Attention, type BlockSizes } from './attention.js';
import type { AttentionGiven, AttentionRows } from './attention-backward.js';
import type { SequenceRows } from './sequence-rows.js';
import type { Pass } from './step.js';

/** One dimension is enough; the kernel likes multiples of eight. */
const MORE_DIMENSIONS = 8;

/** Bytes that the wider matrices take per row: queries, keys and values, what attention gives, and gradients, wide and narrow. */
export function biasedBytesPerRow({ heads, keyValueHeads, headDim }: DecoderSpec): number {
  return 4 * 4 * (heads + keyValueHeads) * (headDim + MORE_DIMENSIONS);
}

/**
 * Attention with a number added to all scores of a key (`SequenceRows.keyBias`). It rides along as one more dimension of the heads, 1 in queries
 * and the number in keys, so kernels and memory are those of plain attention.
 */
export class BiasedAttention {
  private constructor(
    private readonly spec: DecoderSpec,
    private readonly wide: Attention,
  ) {}

  static async open(spec: DecoderSpec, threads: number, sizes: BlockSizes): Promise<BiasedAttention> {
    return new BiasedAttention(
      spec,
      await Attention.open({ ...spec, headDim: spec.headDim + MORE_DIMENSIONS }, threads, sizes),
    );
  }

  /** As `Attention.forward`. */
  async forward(
    pass: Pass,
    window: number | null,
    rows: AttentionRows,
    sequences: SequenceRows,
    attended: Float32Array,
  ): Promise<void> {
    const wide = pass.buffers.get('wide attended', this.#wideLength(attended));
    await this.wide.forward(pass, window, this.#widened(pass, rows, sequences), sequences, wide);
    narrow(wide, this.spec.headDim, attended);
  }

  /** As `Attention.backward`. */
  async backward(
    pass: Pass,
    window: number | null,
    { attended, dAttended, ...rows }: AttentionGiven,
    sequences: SequenceRows,
  ): Promise<AttentionRows> {
    const d = await this.wide.backward(
      pass,
      window,
      {
        ...this.#widened(pass, rows, sequences),
        attended: this.#wide(pass, 'attended', attended),
        dAttended: this.#wide(pass, 'd attended', dAttended),
      },
      sequences,
    );
    const narrowed = (name: keyof AttentionRows) => {
      const data = pass.buffers.get(`narrow d ${name}`, rows[name].length);
      narrow(d[name], this.spec.headDim, data);
      return data;
    };
    return { q: narrowed('q'), k: narrowed('k'), v: narrowed('v') };
  }

  close(): Promise<void> {
    return this.wide.close();
  }

  #widened(pass: Pass, { q, k, v }: AttentionRows, { keyBias }: SequenceRows): AttentionRows {
    const { keyValueHeads, attentionScale } = this.spec;
    if (keyBias === null) throw new Error('no key bias');
    return {
      q: this.#wide(pass, 'q', q, () => 1),
      // The kernel scales the whole product.
      k: this.#wide(pass, 'k', k, (head) => (keyBias[Math.floor(head / keyValueHeads)] as number) / attentionScale),
      v: this.#wide(pass, 'v', v),
    };
  }

  /** `data` with `more` of each head of each row, counted through, behind that head; 0 where nothing is said. */
  #wide(pass: Pass, name: string, data: Float32Array, more: (head: number) => number = () => 0): Float32Array {
    const { headDim } = this.spec;
    const wide = pass.buffers.zeros(`wide ${name}`, this.#wideLength(data));
    for (let head = 0, from = 0, to = 0; from < data.length; head++, to += MORE_DIMENSIONS) {
      for (const end = from + headDim; from < end; ) wide[to++] = data[from++] as number;
      wide[to] = more(head);
    }
    return wide;
  }

  #wideLength({ length }: Float32Array): number {
    const { headDim } = this.spec;
    return (length / headDim) * (headDim + MORE_DIMENSIONS);
  }
}

function narrow(wide: Float32Array, headDim: number, data: Float32Array): void {
  for (let from = 0, to = 0; to < data.length; from += MORE_DIMENSIONS)
    for (const end = to + headDim; to < end; ) data[to++] = wide[from++] as number;
}
