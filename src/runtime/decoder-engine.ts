import { buildDecoder, buildLogitsHead, buildLossHead, type GraphTarget, WeightTable } from '../graph/index.js';
import type { PreparedWeights } from '../model/index.js';
import type { DecoderSpec } from '../model/types.js';
import type { ResolvedRope } from '../rope/types.js';
import { CachedDecoder } from './cached-decoder.js';
import type { Device } from './device.js';
import { checkRope, tokensPerRun } from './device-check.js';
import { generate } from './generation.js';
import { KeyValueStore } from './key-value-cache.js';
import { LossBatch } from './loss-batch.js';
import { PrefixTree } from './prefix-tree.js';
import type { ContinuationRequest, GenerateRequest, LogitsRequest, LossRequest } from './requests.js';
import { rotaryFeeds, rotaryTables } from './rotary-feeds.js';
import { Session } from './session.js';

export interface EngineConfig {
  readonly spec: DecoderSpec;
  readonly weights: PreparedWeights;
  /** Threads of one evaluation. */
  readonly threads: number;
  /** Default: cpu. */
  readonly device?: Device;
  /** Tokens whose keys and values may be kept at a time, over all rows of a batch. */
  readonly cacheTokens: number;
  /** The decoder that is loaded at once: 'plain' computes whole sequences; the other one is loaded when it is first asked for. */
  readonly opens: 'plain' | 'cached';
}

interface Cached {
  readonly decoder: CachedDecoder;
  readonly store: KeyValueStore;
  readonly prefixTree: PrefixTree;
}

/** Logits of one block stay near this many floats (32 MB), whatever the vocabulary. */
const BLOCK_FLOATS = 8 * 2 ** 20;

/** Below this a matrix product no longer fills its kernels. */
const MIN_BLOCK_ROWS = 64;

/** One model on one thread. A run blocks the thread, so this lives in a worker except in tests. */
export class DecoderEngine {
  readonly #blockRows: number;
  #logitsHead: Session | undefined;
  #decoder: Session | undefined;
  #cached: Cached | undefined;
  #pieces: KeyValueStore | undefined;
  /** New tokens of one run. Bounded only on a device whose kernel for more is wrong. */
  #tokensPerRun = Number.POSITIVE_INFINITY;

  private constructor(
    private readonly config: EngineConfig,
    private readonly table: WeightTable,
    private readonly lossHead: Session,
    private readonly checkpoint: () => void,
  ) {
    this.#blockRows = Math.max(MIN_BLOCK_ROWS, Math.floor(BLOCK_FLOATS / config.spec.vocabularySize / 16) * 16);
  }

  /** `checkpoint` is called before every run of the decoder; it throws to give up what is computed at the time. */
  static async create(config: EngineConfig, checkpoint = () => {}): Promise<DecoderEngine> {
    const table = new WeightTable(config.weights);
    const options = { weightFolder: table.folder, threads: config.threads, device: config.device ?? 'cpu' };
    const lossHead = await Session.create('loss head', buildLossHead(config.spec, table, graphTarget(config)), options);
    const engine = new DecoderEngine(config, table, lossHead, checkpoint);
    await (config.opens === 'cached' || computesInPieces(config.spec) ? engine.#openCached() : engine.#openDecoder());
    if (graphTarget(config) === 'device') await engine.#checkDevice();
    return engine;
  }

  async #checkDevice(): Promise<void> {
    const { spec, opens } = this.config;
    const rope = checkRope(spec);
    const isCached = opens === 'cached';
    this.#tokensPerRun = await tokensPerRun(spec, (ids) =>
      isCached ? this.#hiddenInPieces(ids, rope) : this.#hidden(ids, rope),
    );
    if (this.#tokensPerRun === Number.POSITIVE_INFINITY) return;
    await this.#decoder?.close();
    await this.#cached?.decoder.close();
    this.#decoder = undefined;
    this.#cached = undefined;
    await this.#openCached();
  }

  /** Negative log-likelihood in nats of tokens scoreFrom..T-1; length T - scoreFrom. */
  async tokenLosses({ ids, rope, scoreFrom }: LossRequest): Promise<Float32Array> {
    const { hiddenSize } = this.config.spec;
    // The last token predicts nothing that is scored, and causal attention never looks at it.
    const hidden = await this.#hidden(ids.subarray(0, -1), rope);
    const losses = new Float32Array(ids.length - scoreFrom);
    for (let from = scoreFrom; from < ids.length; from += this.#blockRows) {
      const to = Math.min(from + this.#blockRows, ids.length);
      const rows = hidden.subarray((from - 1) * hiddenSize, (to - 1) * hiddenSize);
      losses.set(await this.#losses(rows, ids.subarray(from, to)), from - scoreFrom);
    }
    return losses;
  }

  /**
   * The same for sequences that begin alike, in their order. If one of them does not fit into the cache, each is computed
   * by itself.
   */
  async continuationLosses(request: ContinuationRequest): Promise<Float32Array[]> {
    const { sequences, rope } = request;
    const losses: Float32Array[] = [];
    if (sequences.some(({ ids }) => ids.length - 1 > this.config.cacheTokens)) {
      for (const sequence of sequences) losses.push(await this.tokenLosses({ ...sequence, rope }));
      return losses;
    }
    const { hiddenSize } = this.config.spec;
    const batch = new LossBatch((hidden, targets) => this.#losses(hidden, targets), hiddenSize, this.#blockRows);
    for (const { ids, scoreFrom } of sequences) losses.push(new Float32Array(ids.length - scoreFrom));
    const { prefixTree } = await this.#openCached();
    await prefixTree.walk(request, async (sequence, hidden) => {
      const { ids, scoreFrom } = sequences[sequence] as (typeof sequences)[number];
      const rows = hidden.subarray((scoreFrom - 1) * hiddenSize);
      await batch.add(rows, ids.subarray(scoreFrom), losses[sequence] as Float32Array);
    });
    await batch.flush();
    return losses;
  }

  /** Greedy continuations: the new tokens of each prompt, the stop token included. */
  async generate(request: GenerateRequest): Promise<Int32Array[]> {
    const { decoder, store } = await this.#openCached();
    return generate({ spec: this.config.spec, decoder, store, logits: (hidden) => this.#logits(hidden) }, request);
  }

  /** Next-token logits, row-major [rows, vocabulary]. */
  async logits({ ids, rope, rows }: LogitsRequest): Promise<Float32Array> {
    const { hiddenSize, vocabularySize } = this.config.spec;
    const hidden = await this.#hidden(ids, rope);
    const logits = new Float32Array(rows.length * vocabularySize);
    for (let from = 0; from < rows.length; from += this.#blockRows) {
      const block = rows.subarray(from, from + this.#blockRows);
      const chosen = new Float32Array(block.length * hiddenSize);
      block.forEach((row, i) => {
        chosen.set(hidden.subarray(row * hiddenSize, (row + 1) * hiddenSize), i * hiddenSize);
      });
      logits.set(await this.#logits(chosen), from * vocabularySize);
    }
    return logits;
  }

  async close(): Promise<void> {
    await this.lossHead.close();
    await this.#decoder?.close();
    await this.#logitsHead?.close();
    await this.#cached?.decoder.close();
  }

  async #openDecoder(): Promise<Session> {
    this.#decoder ??= await this.#session(
      'decoder',
      buildDecoder(this.config.spec, this.table, 'none', graphTarget(this.config)),
    );
    return this.#decoder;
  }

  async #openCached(): Promise<Cached> {
    if (this.#cached !== undefined) return this.#cached;
    const { spec, cacheTokens } = this.config;
    const session = await this.#session(
      'decoder with a cache',
      buildDecoder(spec, this.table, 'appended', graphTarget(this.config)),
    );
    const decoder = new CachedDecoder(spec, session, this.checkpoint, this.#tokensPerRun);
    const store = new KeyValueStore(spec, cacheTokens);
    this.#cached = { decoder, store, prefixTree: new PrefixTree(spec, decoder, store) };
    return this.#cached;
  }

  #session(name: string, graph: Uint8Array): Promise<Session> {
    const { threads, device = 'cpu' } = this.config;
    return Session.create(name, graph, { weightFolder: this.table.folder, threads, device });
  }

  #losses(hidden: Float32Array, targets: Int32Array): Promise<Float32Array> {
    return this.lossHead.run(
      {
        hidden: { type: 'float32', data: hidden, dims: [targets.length, this.config.spec.hiddenSize] },
        targets: { type: 'int64', data: BigInt64Array.from(targets, BigInt), dims: [targets.length, 1] },
      },
      'loss',
    );
  }

  async #logits(hidden: Float32Array): Promise<Float32Array> {
    const { hiddenSize } = this.config.spec;
    this.#logitsHead ??= await this.#session('logits head', buildLogitsHead(this.config.spec, this.table));
    const dims = [hidden.length / hiddenSize, hiddenSize];
    return this.#logitsHead.run({ hidden: { type: 'float32', data: hidden, dims } }, 'logits');
  }

  async #hidden(ids: Int32Array, rope: ResolvedRope): Promise<Float32Array> {
    if (computesInPieces(this.config.spec) || ids.length > this.#tokensPerRun) return this.#hiddenInPieces(ids, rope);
    this.checkpoint();
    const decoder = await this.#openDecoder();
    return decoder.run(
      {
        input_ids: { type: 'int64', data: BigInt64Array.from(ids, BigInt), dims: [1, ids.length] },
        ...rotaryFeeds(rotaryTables(this.config.spec, rope, ids.length), ids.length),
        seqlens_k: { type: 'int32', data: Int32Array.of(ids.length - 1), dims: [1] },
        total_sequence_length: { type: 'int32', data: Int32Array.of(ids.length), dims: [] },
      },
      'hidden',
    );
  }

  /** The same on a cache of its own, which is as long as the sequence. */
  async #hiddenInPieces(ids: Int32Array, rope: ResolvedRope): Promise<Float32Array> {
    const { decoder } = await this.#openCached();
    if (this.#pieces === undefined || this.#pieces.maxTokens < ids.length)
      this.#pieces = new KeyValueStore(this.config.spec, ids.length);
    const cache = this.#pieces.open(1, ids.length);
    return decoder.extend(cache, rope, { firstRow: 0, rows: [ids], position: 0 });
  }
}

/** A cap on attention scores costs the tiled kernel: what is computed at once holds a score for every pair of tokens. */
function computesInPieces({ attentionSoftcap }: DecoderSpec): boolean {
  return attentionSoftcap !== null;
}

function graphTarget({ device = 'cpu' }: EngineConfig): GraphTarget {
  return device === 'cpu' ? 'cpu' : 'device';
}
