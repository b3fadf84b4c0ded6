import { buildDecoder, buildLogitsHead, buildLossHead, WeightTable } from '../graph/index.js';
import type { PreparedWeights } from '../model/index.js';
import type { DecoderSpec } from '../model/types.js';
import { rotaryTable } from '../rope/rotary-table.js';
import type { ResolvedRope } from '../rope/types.js';
import type { LogitsRequest, LossRequest } from './requests.js';
import { Session } from './session.js';

export interface EngineConfig {
  readonly spec: DecoderSpec;
  readonly weights: PreparedWeights;
  /** Threads of one evaluation. */
  readonly threads: number;
}

/** Logits of one block stay near this many floats (32 MB), whatever the vocabulary. */
const BLOCK_FLOATS = 8 * 2 ** 20;

/** Below this a matrix product no longer fills its kernels. */
const MIN_BLOCK_ROWS = 64;

/** One model on one thread. A run blocks the thread, so this lives in a worker except in tests. */
export class DecoderEngine {
  readonly #blockRows: number;
  #logitsHead: Session | undefined;

  private constructor(
    private readonly config: EngineConfig,
    private readonly table: WeightTable,
    private readonly decoder: Session,
    private readonly lossHead: Session,
  ) {
    this.#blockRows = Math.max(MIN_BLOCK_ROWS, Math.floor(BLOCK_FLOATS / config.spec.vocabularySize / 16) * 16);
  }

  static async create(config: EngineConfig): Promise<DecoderEngine> {
    const table = new WeightTable(config.weights);
    const options = { weightFolder: table.folder, threads: config.threads };
    const decoder = await Session.create('decoder', buildDecoder(config.spec, table), options);
    const lossHead = await Session.create('loss head', buildLossHead(config.spec, table), options);
    return new DecoderEngine(config, table, decoder, lossHead);
  }

  /** Negative log-likelihood in nats of tokens scoreFrom..T-1; length T - scoreFrom. */
  async tokenLosses({ ids, rope, scoreFrom }: LossRequest): Promise<Float32Array> {
    const { hiddenSize } = this.config.spec;
    // The last token predicts nothing that is scored, and causal attention never looks at it.
    const hidden = await this.#hidden(ids.subarray(0, -1), rope);
    const losses = new Float32Array(ids.length - scoreFrom);
    for (let from = scoreFrom; from < ids.length; from += this.#blockRows) {
      const to = Math.min(from + this.#blockRows, ids.length);
      const targets = BigInt64Array.from(ids.subarray(from, to), BigInt);
      const block = await this.lossHead.run(
        {
          hidden: {
            type: 'float32',
            data: hidden.subarray((from - 1) * hiddenSize, (to - 1) * hiddenSize),
            dims: [to - from, hiddenSize],
          },
          targets: { type: 'int64', data: targets, dims: [to - from, 1] },
        },
        'loss',
      );
      losses.set(block, from - scoreFrom);
    }
    return losses;
  }

  /** Next-token logits, row-major [rows, vocabulary]. */
  async logits({ ids, rope, rows }: LogitsRequest): Promise<Float32Array> {
    const { hiddenSize, vocabularySize } = this.config.spec;
    this.#logitsHead ??= await Session.create('logits head', buildLogitsHead(this.config.spec, this.table), {
      weightFolder: this.table.folder,
      threads: this.config.threads,
    });
    const hidden = await this.#hidden(ids, rope);
    const logits = new Float32Array(rows.length * vocabularySize);
    for (let from = 0; from < rows.length; from += this.#blockRows) {
      const block = rows.subarray(from, from + this.#blockRows);
      const chosen = new Float32Array(block.length * hiddenSize);
      block.forEach((row, i) => {
        chosen.set(hidden.subarray(row * hiddenSize, (row + 1) * hiddenSize), i * hiddenSize);
      });
      const part = await this.#logitsHead.run(
        { hidden: { type: 'float32', data: chosen, dims: [block.length, hiddenSize] } },
        'logits',
      );
      logits.set(part, from * vocabularySize);
    }
    return logits;
  }

  async close(): Promise<void> {
    await this.decoder.close();
    await this.lossHead.close();
    await this.#logitsHead?.close();
  }

  #hidden(ids: Int32Array, rope: ResolvedRope): Promise<Float32Array> {
    const table = rotaryTable(rope, ids.length);
    const dims = [table.length, table.width];
    return this.decoder.run(
      {
        input_ids: { type: 'int64', data: BigInt64Array.from(ids, BigInt), dims: [1, ids.length] },
        cos: { type: 'float32', data: table.cos, dims },
        sin: { type: 'float32', data: table.sin, dims },
        seqlens_k: { type: 'int32', data: Int32Array.of(ids.length - 1), dims: [1] },
        total_sequence_length: { type: 'int32', data: Int32Array.of(ids.length), dims: [] },
      },
      'hidden',
    );
  }
}
