import * as graphs from '../../graph/index.js';
import type { DecoderSpec } from '../../model/types.js';
import type { TableGradient } from '../../rope/table-gradient.js';
import type { Tensor } from '../session.js';
import { type AttentionBackwardSteps, type AttentionRows, attentionBackward } from './attention-backward.js';
import { attentionForward } from './attention-forward.js';
import { blocks, rows } from './matrix-rows.js';
import type { SequenceRows } from './sequence-rows.js';
import { addInto, type Pass, Step } from './step.js';

export interface LayerOptions {
  readonly threads: number;
  readonly wanted: graphs.Wanted;
  /** Rows that the parts without attention compute at a time. */
  readonly blockRows: number;
  readonly blockQueries: number | undefined;
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
  /** As the steps gave them, one for each block of rows: both passes cut rows alike, so they need not be put together. */
  readonly blocks: readonly InnerBlock[];
}

interface InnerBlock {
  readonly middle: Tensor;
  readonly gate: Tensor;
  readonly up: Tensor;
}

/** Bytes that the inner values of one layer take per row. */
export function innerBytesPerRow(spec: DecoderSpec): number {
  const { middle, gate, up } = graphs.keptWidths(spec);
  return 4 * (middle + gate + up + (spec.heads + 2 * spec.keyValueHeads) * spec.headDim);
}

/** The two passes through one layer; layers differ only in their weights and their attention window. */
export class LayerPass {
  readonly #attention = new Map<number | null, Step>();

  private constructor(
    private readonly spec: DecoderSpec,
    private readonly options: LayerOptions,
    private readonly attentionInputs: Step,
    private readonly afterAttention: Step,
    private readonly afterAttentionBackward: { readonly kept: Step; readonly anew: Step },
    private readonly attentionBackward: AttentionBackwardSteps,
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
      {
        someSeen: await open(graphs.attentionBackwardGraph(spec, true)),
        allMasked: await open(graphs.attentionBackwardGraph(spec, false)),
      },
      await open(graphs.beforeAttentionBackward(spec, options.wanted)),
    );
  }

  /** From a layer's input [N, hiddenSize] to its output and what the backward pass is to be given, inner values if `keep`. */
  async forward(pass: Pass, layer: number, x: Float32Array, sequences: SequenceRows, keep: boolean) {
    const { hiddenSize } = this.spec;
    const attention = await this.#attentionInputs(pass, layer, x, sequences);
    const kernel = await this.#attentionOf(layer);
    const attended = await attentionForward(this.spec, kernel, pass, attention, sequences.spans);
    const y = new Float32Array(x.length);
    const widths = graphs.keptWidths(this.spec);
    const inner: InnerBlock[] = [];
    for (const [from, to] of this.#blocks(sequences)) {
      const result = await this.afterAttention.run(pass, layer, {
        x: rows(x, hiddenSize, from, to),
        attended: rows(attended, this.#width, from, to),
      });
      y.set(result('y'), from * hiddenSize);
      if (!keep) continue;
      const block = (name: keyof InnerBlock) => rows(result(name), widths[name]);
      inner.push({ middle: block('middle'), gate: block('gate'), up: block('up') });
    }
    const kept: Kept = { x, attended, inner: keep ? { attention, blocks: inner } : null };
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
    const dX = new Float32Array(x.length);
    const dAttended = new Float32Array(attended.length);
    let block = 0;
    for (const [from, to] of this.#blocks(sequences)) {
      const after = await this.afterAttentionBackward[inner ? 'kept' : 'anew'].run(pass, layer, {
        x: rows(x, hiddenSize, from, to),
        attended: rows(attended, this.#width, from, to),
        d_y: rows(dY, hiddenSize, from, to),
        ...inner?.blocks[block++],
      });
      dX.set(after('d_x'), from * hiddenSize);
      dAttended.set(after('d_attended'), from * this.#width);
    }
    const d = await attentionBackward(
      spec,
      this.attentionBackward,
      pass,
      { ...(inner?.attention ?? (await this.#attentionInputs(pass, layer, x, sequences))), attended, dAttended },
      { spans: sequences.spans, window: spec.slidingWindow[layer] ?? null, blockQueries: options.blockQueries },
    );
    const { cos, sin, width } = sequences.table;
    for (const [from, to] of this.#blocks(sequences)) {
      const before = await this.beforeAttentionBackward.run(pass, layer, {
        x: rows(x, hiddenSize, from, to),
        cos: rows(cos, width, from, to),
        sin: rows(sin, width, from, to),
        d_q: rows(d.q, this.#width, from, to),
        d_k: rows(d.k, this.#keyWidth, from, to),
        d_v: rows(d.v, this.#keyWidth, from, to),
        d_rest: rows(dX, hiddenSize, from, to),
      });
      dX.set(before('d_x'), from * hiddenSize);
      if (!options.wanted.tables) continue;
      addInto(tables.cos.subarray(from * width, to * width), before('d_cos'));
      addInto(tables.sin.subarray(from * width, to * width), before('d_sin'));
    }
    return dX;
  }

  async close(): Promise<void> {
    const steps = [
      this.attentionInputs,
      this.afterAttention,
      ...Object.values(this.afterAttentionBackward),
      ...Object.values(this.attentionBackward),
      this.beforeAttentionBackward,
    ];
    for (const step of [...steps, ...this.#attention.values()]) await step.close();
  }

  get #width(): number {
    return this.spec.heads * this.spec.headDim;
  }

  get #keyWidth(): number {
    return this.spec.keyValueHeads * this.spec.headDim;
  }

  /** Rotated queries and keys, and values, of all rows. */
  async #attentionInputs(pass: Pass, layer: number, x: Float32Array, sequences: SequenceRows): Promise<AttentionRows> {
    const { cos, sin, width } = sequences.table;
    const { length } = sequences;
    const [q, k, v] = [
      new Float32Array(length * this.#width),
      new Float32Array(length * this.#keyWidth),
      new Float32Array(length * this.#keyWidth),
    ];
    for (const [from, to] of this.#blocks(sequences)) {
      const result = await this.attentionInputs.run(pass, layer, {
        x: rows(x, this.spec.hiddenSize, from, to),
        cos: rows(cos, width, from, to),
        sin: rows(sin, width, from, to),
      });
      q.set(result('q'), from * this.#width);
      k.set(result('k'), from * this.#keyWidth);
      v.set(result('v'), from * this.#keyWidth);
    }
    return { q, k, v };
  }

  #blocks({ length }: SequenceRows) {
    return blocks(0, length, this.options.blockRows);
  }

  /** The forward kernel of a layer's window. */
  async #attentionOf(layer: number): Promise<Step> {
    const window = this.spec.slidingWindow[layer] ?? null;
    const known = this.#attention.get(window);
    if (known) return known;
    const step = await Step.open(graphs.attentionForward(this.spec, window), this.spec, this.options.threads);
    this.#attention.set(window, step);
    return step;
  }
}
