import { UserError } from '../../errors.js';
import * as graphs from '../../graph/index.js';
import type { DecoderSpec } from '../../model/types.js';
import { rotaryTable } from '../../rope/rotary-table.js';
import { type RopeGradient, ropeGradient, type TableGradient } from '../../rope/table-gradient.js';
import type { RotaryTable } from '../../rope/types.js';
import type { LossRequest } from '../requests.js';
import type { Tensor } from '../session.js';
import { attentionBackward, defaultBlockQueries } from './attention-backward.js';
import { addInto, type Pass, Step, type Weights } from './step.js';

export interface GradientConfig {
  readonly spec: DecoderSpec;
  readonly threads: number;
  /** What is to be differentiated by; each costs time, so the graphs are built for it. */
  readonly wanted: graphs.Wanted;
  /** Rows that the parts without attention compute at a time; their inner values are several times as wide as a row. Default 1024. */
  readonly blockRows?: number;
  /** Queries that attention computes at a time; default: as many as keep their scores in the processor's cache. */
  readonly blockQueries?: number;
}

export interface LossGradient {
  /** Mean negative log-likelihood of the scored tokens in nats. */
  readonly loss: number;
  /** With respect to the rotary tables of all positions but the last, summed over layers; null if not wanted. */
  readonly tables: TableGradient | null;
  /** The same carried on to frequencies and the attention factor. */
  readonly rope: RopeGradient | null;
  /** By canonical name; empty if not wanted; the caller's to change. A tied embedding has one gradient, both uses added. */
  readonly weights: ReadonlyMap<string, Float32Array>;
}

/** Logits of one block of the head stay near this many floats (16 MB). */
const BLOCK_LOGITS = 4 * 2 ** 20;

/** A layer's input and what its attention gave: all that is kept of it between the two passes. */
interface Kept {
  readonly x: Float32Array;
  readonly attended: Float32Array;
}

/**
 * Mean token loss of a model and its exact gradient. The forward pass runs the kernels of an evaluation layer by layer and keeps
 * `Kept`; the backward pass goes from the last layer to the first and computes everything else anew, attention in blocks of
 * queries, the head in blocks of rows. Memory grows with the length, not with its square nor with length times vocabulary.
 * Weights are given with every call, so training changes them in place. A run blocks its thread.
 */
export class GradientEngine {
  readonly #layers = new Map<number | null, Step>();

  private constructor(
    private readonly config: GradientConfig,
    private readonly head: Step,
    private readonly afterAttention: Step,
    private readonly attentionInputs: Step,
    private readonly attention: Step,
    private readonly beforeAttention: Step,
  ) {}

  static async create(config: GradientConfig): Promise<GradientEngine> {
    const { spec, threads, wanted } = config;
    refuseUndifferentiable(spec);
    const open = (graph: graphs.StepGraph) => Step.open(graph, spec, threads);
    return new GradientEngine(
      config,
      await open(graphs.headBackward(spec, wanted)),
      await open(graphs.afterAttentionBackward(spec, wanted)),
      await open(graphs.attentionInputs(spec)),
      await open(graphs.attentionBackward(spec)),
      await open(graphs.beforeAttentionBackward(spec, wanted)),
    );
  }

  /**
   * Tokens scoreFrom..T-1 are scored, each from those before it. The gradient of a weight has its rows in the order of `weights`,
   * which for the queries and keys of a GGUF file is not that of Hugging Face (`DecoderSpec.rotaryPairing`).
   */
  async lossAndGradient({ ids, rope, scoreFrom }: LossRequest, weights: Weights): Promise<LossGradient> {
    const { layers, tiedEmbeddings, vocabularySize } = this.config.spec;
    if (!(scoreFrom >= 1 && scoreFrom < ids.length)) throw new Error(`scoreFrom ${scoreFrom} of ${ids.length} tokens`);
    // ONNX Runtime would see only the targets.
    const foreign = ids.find((id) => id < 0 || id >= vocabularySize);
    if (foreign !== undefined) throw new Error(`token ${foreign} of a vocabulary of ${vocabularySize}`);
    const pass: Pass = { weights, sums: new Map() };
    const read = ids.subarray(0, -1);
    const table = rotaryTable(rope, read.length);
    const kept: Kept[] = [];
    let x = this.#embed(pass, read);
    for (let layer = 0; layer < layers; layer++) {
      const result = await this.#forward(pass, layer, x, table);
      kept.push({ x, attended: result.attended });
      x = result.y;
    }
    const { loss, dX } = await this.#head(pass, x, ids, scoreFrom);
    const tables = { cos: new Float64Array(table.cos.length), sin: new Float64Array(table.sin.length) };
    let d = dX;
    for (let layer = layers - 1; layer >= 0; layer--)
      d = await this.#backward(pass, layer, kept.pop() as Kept, d, table, tables);
    if (this.config.wanted.weights) this.#embedBackward(pass, read, d, tiedEmbeddings);
    const wantsTables = this.config.wanted.tables;
    return {
      loss,
      tables: wantsTables ? tables : null,
      rope: wantsTables ? ropeGradient(rope, table, tables) : null,
      weights: pass.sums,
    };
  }

  async close(): Promise<void> {
    const steps = [this.head, this.afterAttention, this.attentionInputs, this.attention, this.beforeAttention];
    for (const step of [...steps, ...this.#layers.values()]) await step.close();
  }

  #embed({ weights }: Pass, ids: Int32Array): Float32Array {
    const { hiddenSize, embeddingScale } = this.config.spec;
    const matrix = weights.get(EMBEDDING) as Float32Array;
    const x = new Float32Array(ids.length * hiddenSize);
    ids.forEach((id, row) => {
      x.set(matrix.subarray(id * hiddenSize, (id + 1) * hiddenSize), row * hiddenSize);
    });
    return embeddingScale === 1 ? x : x.map((value) => value * Math.fround(embeddingScale));
  }

  #embedBackward({ sums, weights }: Pass, ids: Int32Array, dX: Float32Array, tied: boolean): void {
    const { hiddenSize, embeddingScale } = this.config.spec;
    const sum = (tied && sums.get(EMBEDDING)) || new Float32Array((weights.get(EMBEDDING) as Float32Array).length);
    sums.set(EMBEDDING, sum);
    ids.forEach((id, row) => {
      const part = dX.subarray(row * hiddenSize, (row + 1) * hiddenSize);
      const scaled = embeddingScale === 1 ? part : part.map((value) => value * embeddingScale);
      addInto(sum.subarray(id * hiddenSize, (id + 1) * hiddenSize), scaled);
    });
  }

  async #forward(pass: Pass, layer: number, x: Float32Array, table: RotaryTable) {
    const { spec } = this.config;
    const { length } = table;
    const step = await this.#layer(layer);
    const result = await step.run(pass, layer, {
      x: rows(x, spec.hiddenSize),
      cos: rows(table.cos, table.width),
      sin: rows(table.sin, table.width),
      // Only its shape is read: one sequence of this length.
      input_ids: { type: 'int64', data: new BigInt64Array(length), dims: [1, length] },
      seqlens_k: { type: 'int32', data: Int32Array.of(length - 1), dims: [1] },
      total_sequence_length: { type: 'int32', data: Int32Array.of(length), dims: [] },
    });
    return { attended: result('attended'), y: result('y') };
  }

  async #head(pass: Pass, x: Float32Array, ids: Int32Array, scoreFrom: number) {
    const { hiddenSize, vocabularySize } = this.config.spec;
    const block = Math.max(64, Math.floor(BLOCK_LOGITS / vocabularySize));
    const scored = ids.length - scoreFrom;
    const dX = new Float32Array(x.length);
    let total = 0;
    for (let from = scoreFrom - 1; from < ids.length - 1; from += block) {
      const to = Math.min(from + block, ids.length - 1);
      const targets = BigInt64Array.from(ids.subarray(from + 1, to + 1), BigInt);
      const result = await this.head.run(pass, 0, {
        x: rows(x, hiddenSize, from, to),
        targets: { type: 'int64', data: targets, dims: [to - from, 1] },
        loss_weights: rows(new Float32Array(to - from).fill(1 / scored), 1),
      });
      for (const loss of result('loss')) total += loss;
      dX.set(result('d_x'), from * hiddenSize);
    }
    return { loss: total / scored, dX };
  }

  /** From the gradient of a layer's output to that of its input; adds its share to `tables`. */
  async #backward(
    pass: Pass,
    layer: number,
    { x, attended }: Kept,
    dY: Float32Array,
    table: RotaryTable,
    tables: TableGradient,
  ) {
    const { spec, wanted } = this.config;
    const { hiddenSize, heads, keyValueHeads, headDim } = spec;
    const [width, keyWidth] = [heads * headDim, keyValueHeads * headDim];
    const { length } = table;
    const dX = new Float32Array(length * hiddenSize);
    const dAttended = new Float32Array(length * width);
    const [q, k, v] = [
      new Float32Array(length * width),
      new Float32Array(length * keyWidth),
      new Float32Array(length * keyWidth),
    ];
    for (const [from, to] of this.#blocks(length)) {
      const after = await this.afterAttention.run(pass, layer, {
        x: rows(x, hiddenSize, from, to),
        attended: rows(attended, width, from, to),
        d_y: rows(dY, hiddenSize, from, to),
      });
      dX.set(after('d_x'), from * hiddenSize);
      dAttended.set(after('d_attended'), from * width);
      const inputs = await this.attentionInputs.run(pass, layer, {
        x: rows(x, hiddenSize, from, to),
        cos: rows(table.cos, table.width, from, to),
        sin: rows(table.sin, table.width, from, to),
      });
      q.set(inputs('q'), from * width);
      k.set(inputs('k'), from * keyWidth);
      v.set(inputs('v'), from * keyWidth);
    }
    const window = spec.slidingWindow[layer] ?? null;
    const d = await attentionBackward(
      spec,
      this.attention,
      pass,
      { q, k, v, dAttended },
      { window, blockQueries: this.config.blockQueries ?? defaultBlockQueries(spec, length) },
    );
    for (const [from, to] of this.#blocks(length)) {
      const before = await this.beforeAttention.run(pass, layer, {
        x: rows(x, hiddenSize, from, to),
        cos: rows(table.cos, table.width, from, to),
        sin: rows(table.sin, table.width, from, to),
        d_q: rows(d.q, width, from, to),
        d_k: rows(d.k, keyWidth, from, to),
        d_v: rows(d.v, keyWidth, from, to),
        d_rest: rows(dX, hiddenSize, from, to),
      });
      dX.set(before('d_x'), from * hiddenSize);
      if (!wanted.tables) continue;
      addInto(tables.cos.subarray(from * table.width, to * table.width), before('d_cos'));
      addInto(tables.sin.subarray(from * table.width, to * table.width), before('d_sin'));
    }
    return dX;
  }

  *#blocks(length: number): Iterable<readonly [from: number, to: number]> {
    const { blockRows = 1024 } = this.config;
    for (let from = 0; from < length; from += blockRows) yield [from, Math.min(from + blockRows, length)];
  }

  /** The forward graph of a layer; layers with the same window share one. */
  async #layer(layer: number): Promise<Step> {
    const { spec, threads } = this.config;
    const window = spec.slidingWindow[layer] ?? null;
    const step = this.#layers.get(window) ?? (await Step.open(graphs.buildLayer(spec, layer), spec, threads));
    this.#layers.set(window, step);
    return step;
  }
}

/** What the plain graphs do not hold yet. Throws one `UserError('unsupported')`. */
function refuseUndifferentiable(spec: DecoderSpec): void {
  const found = [
    ...(spec.experts === null ? [] : ['a mixture of experts']),
    // The forward kernel would hold a score for every pair of tokens.
    ...(spec.attentionSoftcap === null ? [] : ['a cap on attention scores']),
    ...(spec.rotation.every((rotation) => rotation === 'global') ? [] : ['layers with a RoPE of their own, or none']),
  ];
  if (found.length > 0)
    throw new UserError(
      'unsupported',
      found.map((what) => ({
        where: `gradients of a ${spec.architecture} model`,
        expected: 'layers of one kind: attention without caps, one RoPE, one MLP',
        found: what,
        fix: 'search with cma-es, or train elsewhere',
      })),
    );
}

const EMBEDDING = 'model.embed_tokens.weight';

/** Rows from..to-1 of a matrix. */
function rows(data: Float32Array, width: number, from = 0, to = data.length / width): Tensor {
  return { type: 'float32', data: data.subarray(from * width, to * width), dims: [to - from, width] };
}
