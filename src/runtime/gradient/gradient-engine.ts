import * as graphs from '../../graph/index.js';
import type { DecoderSpec } from '../../model/types.js';
import type { RopeGradient, TableGradient } from '../../rope/table-gradient.js';
import { Buffers } from '../buffers.js';
import { refuseUndifferentiable } from './differentiable.js';
import { EMBEDDING, embed, embedBackward } from './embedding.js';
import { headPass } from './head-pass.js';
import { innerBytesPerRow, type Kept, LayerPass } from './layer-pass.js';
import { type GradientSequence, sequenceRows, spanGradient, spanLoss } from './sequence-rows.js';
import { type Pass, Step, type Weights } from './step.js';

export interface GradientConfig {
  readonly spec: DecoderSpec;
  readonly threads: number;
  /** What is to be differentiated by; each costs time, so the graphs are built for it. */
  readonly wanted: graphs.Wanted;
  /** Rows that the parts without attention compute at a time; their inner values are several times as wide as a row. Default 1024. */
  readonly blockRows?: number;
  /** Queries that attention computes at a time; default: as many as keep their scores in the processor's cache. */
  readonly blockQueries?: number;
  /** Whether attention computes its heads a group at a time; default: in long sequences. */
  readonly groupsHeads?: boolean;
  /** Bytes for inner values of layers, which are computed anew where they do not fit. Default 1 GiB. */
  readonly keepBytes?: number;
}

export interface GradientOptions extends GradientConfig {
  /** Of another engine, which then may not compute at the same time; default: its own. */
  readonly buffers?: Buffers;
}

export interface SequenceGradient {
  /** Mean negative log-likelihood of its scored tokens in nats. */
  readonly loss: number;
  /** Of the mean over all sequences, with respect to the rotary table of this one (all positions but the last), summed over layers; null if not wanted. */
  readonly table: TableGradient | null;
  /** The same carried on to its frequencies and attention factor. */
  readonly rope: RopeGradient | null;
}

export interface LossGradient {
  /** Mean negative log-likelihood in nats of the scored tokens of all sequences, weighted by `tokenWeight`. */
  readonly loss: number;
  /** In the order given. */
  readonly sequences: readonly SequenceGradient[];
  /** By canonical name, those that are wanted; the caller's to change. A tied embedding has one gradient, both uses added. */
  readonly weights: ReadonlyMap<string, Float32Array>;
}

/** Where nothing is said. */
export const KEEP_BYTES = 2 ** 30;
export const BLOCK_ROWS = 1024;

/**
 * Mean token loss of a model over sequences of any lengths, each with its RoPE, and its exact gradient. The forward pass
 * keeps `Kept` of every layer; the backward pass goes from the last layer to the first and computes everything else anew, attention
 * in blocks of queries, the rest in blocks of rows, whatever sequence they belong to.
 * Memory grows with the number of tokens, not with the square of a length nor with tokens times vocabulary.
 * Weights are given with every call, so training changes them in place. A run blocks its thread.
 */
export class GradientEngine {
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly config: GradientConfig,
    private readonly layers: LayerPass,
    private readonly head: Step,
    private readonly buffers: Buffers,
  ) {}

  static async create({ buffers = new Buffers(), ...config }: GradientOptions): Promise<GradientEngine> {
    const { spec, threads, wanted, blockRows = BLOCK_ROWS, blockQueries, groupsHeads } = config;
    refuseUndifferentiable(spec);
    return new GradientEngine(
      config,
      await LayerPass.open(spec, { threads, wanted, blockRows, attentionBlocks: { blockQueries, groupsHeads } }),
      await Step.open(graphs.headBackward(spec, wanted), spec, threads),
      buffers,
    );
  }

  /**
   * Tokens scoreFrom..T-1 of every sequence are scored, each from those before it. The gradient of a weight has its rows in the
   * order of `weights`, which for the queries and keys of a GGUF file is not that of Hugging Face (`DecoderSpec.rotaryPairing`).
   */
  lossAndGradient(sequences: readonly GradientSequence[], weights: Weights): Promise<LossGradient> {
    // Passes share buffers, so one begins when the one before has ended.
    const result = this.#last.then(() => this.#pass(sequences, weights));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #pass(sequences: readonly GradientSequence[], weights: Weights): Promise<LossGradient> {
    const { spec, wanted } = this.config;
    const laidOut = sequenceRows(sequences, spec.vocabularySize, spec.rope.geometry.rotaryDim / 2);
    const pass: Pass = { weights, sums: new Map(), buffers: this.buffers };
    const kept: Kept[] = [];
    let x = embed(spec, pass, laidOut.ids);
    const fits = Math.floor((this.config.keepBytes ?? KEEP_BYTES) / (innerBytesPerRow(spec) * laidOut.length));
    for (let layer = 0; layer < spec.layers; layer++) {
      // The last layers: the backward pass frees theirs before it needs room of its own for the others.
      const result = await this.layers.forward(pass, layer, x, laidOut, layer >= spec.layers - fits);
      kept.push(result.kept);
      x = result.y;
    }
    const { losses, dX } = await headPass(spec, this.head, pass, x, laidOut);
    const { cos, sin } = laidOut.table;
    const tables = { cos: new Float64Array(cos.length), sin: new Float64Array(sin.length) };
    let d = dX;
    for (let layer = spec.layers - 1; layer >= 0; layer--)
      d = await this.layers.backward(pass, layer, kept.pop() as Kept, d, laidOut, tables);
    if (graphs.isWanted(EMBEDDING, wanted)) embedBackward(spec, pass, laidOut.ids, d);
    return {
      loss: losses.reduce((sum, loss, row) => sum + loss * (laidOut.lossWeights[row] as number), 0),
      sequences: laidOut.spans.map((span) => ({
        loss: spanLoss(span, losses),
        ...(wanted.tables ? spanGradient(span, laidOut, tables) : { table: null, rope: null }),
      })),
      weights: pass.sums,
    };
  }

  async close(): Promise<void> {
    await this.layers.close();
    await this.head.close();
  }
}
