import * as graphs from '../../graph/index.js';
import type { DecoderSpec } from '../../model/types.js';
import type { TableGradient } from '../../rope/table-gradient.js';
import { Attention, type BlockSizes } from './attention.js';
import type { AttentionRows } from './attention-backward.js';
import { BiasedAttention } from './biased-attention.js';
import { blocks, rows } from './matrix-rows.js';
import type { SequenceRows } from './sequence-rows.js';
import { addInto, type Pass, Step } from './step.js';

export interface LayerOptions {
  readonly threads: number;
  readonly wanted: graphs.Wanted;
  /** Rows that the parts without attention compute at a time. */
  readonly blockRows: number;
  readonly attentionBlocks: BlockSizes;
}

/** What is kept of a layer between the two passes: its input, what its attention gave, and inner values where memory allows. */
export interface Kept {
  readonly x: Float32Array;
  readonly attended: Float32Array;
  /** null: computed anew. */
  readonly inner: Inner | null;
}

interface Inner {
  readonly attention: AttentionRows;
  readonly middle: Float32Array;
  readonly gate: Float32Array;
  readonly up: Float32Array;
}

/** Bytes that the inner values of one layer take per row. */
export function innerBytesPerRow(spec: DecoderSpec): number {
  const { middle, gate, up } = graphs.keptWidths(spec);
  return 4 * (middle + gate + up + (spec.heads + 2 * spec.keyValueHeads) * spec.headDim);
}

/** The two passes through one layer; layers differ only in their weights and their attention window. */
export class LayerPass {
  /** Few passes need it. */
  #biased: BiasedAttention | undefined;

  private constructor(
    private readonly spec: DecoderSpec,
    private readonly options: LayerOptions,
    private readonly attentionInputs: Step,
    private readonly afterAttention: Step,
    private readonly afterAttentionBackward: { readonly kept: Step; readonly anew: Step },
    private readonly attention: Attention,
    private readonly beforeAttentionBackward: Step,
  ) {}

  static async open(spec: DecoderSpec, options: LayerOptions): Promise<LayerPass> {
    const open = (graph: graphs.StepGraph) => Step.open(graph, spec, options.threads);
    return new LayerPass(
      spec,
      options,
      await open(graphs.attentionInputs(spec)),
      await open(graphs.afterAttentionForward(spec)),
      {
        kept: await open(graphs.afterAttentionBackward(spec, options.wanted, { kept: true })),
        anew: await open(graphs.afterAttentionBackward(spec, options.wanted, { kept: false })),
      },
      await Attention.open(spec, options.threads, options.attentionBlocks),
      await open(graphs.beforeAttentionBackward(spec, options.wanted)),
    );
  }

  /** From a layer's input [N, hiddenSize] to its output and what the backward pass is to be given, inner values if `keep`. */
  async forward(pass: Pass, layer: number, x: Float32Array, sequences: SequenceRows, keep: boolean) {
    const { hiddenSize } = this.spec;
    const { buffers } = pass;
    // What is not kept lies where every layer puts it.
    const place = keep ? ` ${layer}` : '';
    const attention = await this.#attentionInputs(pass, layer, x, sequences, place);
    const attended = buffers.get(`attended ${layer}`, sequences.length * this.#width);
    const kernels = await this.#attentionFor(sequences);
    await kernels.forward(pass, this.#window(layer), attention, sequences, attended);
    const y = buffers.get(`x ${layer + 1}`, x.length);
    const widths = graphs.keptWidths(this.spec);
    const value = (name: keyof typeof widths) => buffers.get(name + place, sequences.length * widths[name]);
    const inner: Inner = { attention, middle: value('middle'), gate: value('gate'), up: value('up') };
    for (const [from, to] of this.#blocks(sequences))
      await this.afterAttention.run(
        pass,
        layer,
        { x: rows(x, hiddenSize, from, to), attended: rows(attended, this.#width, from, to) },
        { y: rows(y, hiddenSize, from, to), ...this.#innerRows(inner, from, to) },
      );
    const kept: Kept = { x, attended, inner: keep ? inner : null };
    return { y, kept };
  }

  /** From the gradient of a layer's output to that of its input; adds its share to `tables`. */
  async backward(
    pass: Pass,
    layer: number,
    { x, attended, inner }: Kept,
    dY: Float32Array,
    sequences: SequenceRows,
    tables: TableGradient,
  ): Promise<Float32Array> {
    const { spec, options } = this;
    const { hiddenSize } = spec;
    const { buffers } = pass;
    // Two by turns, as the layer above wrote the other.
    const dX = buffers.get(`d ${layer % 2}`, x.length);
    const dRest = buffers.get('d rest', x.length);
    const dAttended = buffers.get('d attended', attended.length);
    for (const [from, to] of this.#blocks(sequences))
      await this.afterAttentionBackward[inner ? 'kept' : 'anew'].run(
        pass,
        layer,
        {
          x: rows(x, hiddenSize, from, to),
          attended: rows(attended, this.#width, from, to),
          d_y: rows(dY, hiddenSize, from, to),
          ...(inner && this.#innerRows(inner, from, to)),
        },
        { d_x: rows(dRest, hiddenSize, from, to), d_attended: rows(dAttended, this.#width, from, to) },
      );
    const given = inner?.attention ?? (await this.#attentionInputs(pass, layer, x, sequences, ''));
    const kernels = await this.#attentionFor(sequences);
    const d = await kernels.backward(pass, this.#window(layer), { ...given, attended, dAttended }, sequences);
    const { cos, sin, width } = sequences.table;
    for (const [from, to] of this.#blocks(sequences)) {
      const table = (name: string) => rows(buffers.get(name, (to - from) * width), width);
      const dTables = options.wanted.tables ? { d_cos: table('d cos'), d_sin: table('d sin') } : null;
      await this.beforeAttentionBackward.run(
        pass,
        layer,
        {
          x: rows(x, hiddenSize, from, to),
          cos: rows(cos, width, from, to),
          sin: rows(sin, width, from, to),
          d_q: rows(d.q, this.#width, from, to),
          d_k: rows(d.k, this.#keyWidth, from, to),
          d_v: rows(d.v, this.#keyWidth, from, to),
          d_rest: rows(dRest, hiddenSize, from, to),
        },
        { d_x: rows(dX, hiddenSize, from, to), ...dTables },
      );
      if (dTables === null) continue;
      addInto(tables.cos.subarray(from * width, to * width), dTables.d_cos.data);
      addInto(tables.sin.subarray(from * width, to * width), dTables.d_sin.data);
    }
    return dX;
  }

  async close(): Promise<void> {
    const steps = [
      this.attentionInputs,
      this.afterAttention,
      ...Object.values(this.afterAttentionBackward),
      this.beforeAttentionBackward,
    ];
    for (const step of [...steps, this.attention]) await step.close();
    await this.#biased?.close();
  }

  get #width(): number {
    return this.spec.heads * this.spec.headDim;
  }

  get #keyWidth(): number {
    return this.spec.keyValueHeads * this.spec.headDim;
  }

  /** The rows of the inner values of a layer. */
  #innerRows({ middle, gate, up }: Inner, from: number, to: number) {
    const widths = graphs.keptWidths(this.spec);
    return {
      middle: rows(middle, widths.middle, from, to),
      gate: rows(gate, widths.gate, from, to),
      up: rows(up, widths.up, from, to),
    };
  }

  /** Rotated queries and keys, and values, of all rows, in the buffers of that place. */
  async #attentionInputs(
    pass: Pass,
    layer: number,
    x: Float32Array,
    sequences: SequenceRows,
    place: string,
  ): Promise<AttentionRows> {
    const { cos, sin, width } = sequences.table;
    const { length } = sequences;
    const q = pass.buffers.get(`q${place}`, length * this.#width);
    const k = pass.buffers.get(`k${place}`, length * this.#keyWidth);
    const v = pass.buffers.get(`v${place}`, length * this.#keyWidth);
    for (const [from, to] of this.#blocks(sequences))
      await this.attentionInputs.run(
        pass,
        layer,
        {
          x: rows(x, this.spec.hiddenSize, from, to),
          cos: rows(cos, width, from, to),
          sin: rows(sin, width, from, to),
        },
        {
          q: rows(q, this.#width, from, to),
          k: rows(k, this.#keyWidth, from, to),
          v: rows(v, this.#keyWidth, from, to),
        },
      );
    return { q, k, v };
  }

  #blocks({ length }: SequenceRows) {
    return blocks(0, length, this.options.blockRows);
  }

  #window(layer: number): number | null {
    return this.spec.slidingWindow[layer] ?? null;
  }

  async #attentionFor({ keyBias }: SequenceRows): Promise<Attention | BiasedAttention> {
    if (keyBias === null) return this.attention;
    const { threads, attentionBlocks } = this.options;
    this.#biased ??= await BiasedAttention.open(this.spec, threads, attentionBlocks);
    return this.#biased;
  }
}
