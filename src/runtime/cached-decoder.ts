import type { DecoderSpec } from '../model/types.js';
import type { ResolvedRope } from '../rope/types.js';
import { cachedNames, type KeyValueCache } from './key-value-cache.js';
import { type RotaryTables, rotaryFeeds, rotaryTables } from './rotary-feeds.js';
import type { Session } from './session.js';

/** A longer extension is run in pieces: what a run holds beside the cache is bounded, and an abort is heard between them. */
const CHUNK_TOKENS = 2048;

/**
 * With a cap on its scores the attention kernel holds all of them, heads x new tokens x length. Pieces of this size keep that
 * linear in the length.
 */
const CAPPED_CHUNK_TOKENS = 256;

export function chunkTokens({ attentionSoftcap }: DecoderSpec): number {
  return attentionSoftcap === null ? CHUNK_TOKENS : CAPPED_CHUNK_TOKENS;
}

/** New tokens of `rows.length` rows of a cache, all of the same length, standing at `position`. */
export interface Extension {
  readonly firstRow: number;
  readonly rows: readonly Int32Array[];
  readonly position: number;
}

/** The decoder on a cache: computes new tokens after those whose keys and values are kept. */
export class CachedDecoder {
  readonly #outputs: readonly string[];
  #tables: { readonly rope: ResolvedRope; readonly tables: RotaryTables } | undefined;

  constructor(
    private readonly spec: DecoderSpec,
    /** Of a graph built with cache outputs 'appended'. */
    private readonly session: Session,
    /** Called before every run; throws to give up. */
    private readonly checkpoint: () => void,
    /** New tokens that one run may be given. */
    private readonly tokensPerRun = Number.POSITIVE_INFINITY,
  ) {
    this.#outputs = ['hidden', ...cachedNames(spec).map((name) => `appended.${name}`)];
  }

  /**
   * Appends to the cache and returns the hidden states [rows, length, hiddenSize]. The kernel takes more than one token after
   * a past only for a single row.
   */
  async extend(cache: KeyValueCache, rope: ResolvedRope, extension: Extension): Promise<Float32Array> {
    const { firstRow, rows, position } = extension;
    const length = (rows[0] as Int32Array).length;
    if (position + length > cache.capacity)
      throw new Error(`${position + length} tokens in a cache for ${cache.capacity}`);
    if (length === 1) return this.#run(cache, rope, extension);
    if (rows.length > 1) throw new Error(`${length} tokens each of ${rows.length} rows at a time`);
    const hidden = new Float32Array(length * this.spec.hiddenSize);
    const chunkLength = Math.min(chunkTokens(this.spec), this.tokensPerRun);
    for (let from = 0; from < length; from += chunkLength) {
      const chunk = (rows[0] as Int32Array).subarray(from, from + chunkLength);
      hidden.set(
        await this.#run(cache, rope, { firstRow, rows: [chunk], position: position + from }),
        from * this.spec.hiddenSize,
      );
    }
    return hidden;
  }

  async #run(cache: KeyValueCache, rope: ResolvedRope, { firstRow, rows, position }: Extension): Promise<Float32Array> {
    this.checkpoint();
    const length = (rows[0] as Int32Array).length;
    const total = position + length;
    const ids = rows.flatMap((row) => [...row]);
    const [hidden, ...appended] = await this.session.runFor(
      {
        ...cache.feeds(firstRow, rows.length),
        input_ids: { type: 'int64', data: BigInt64Array.from(ids, BigInt), dims: [rows.length, length] },
        ...rotaryFeeds(this.#rotary(rope, cache.capacity), total),
        seqlens_k: { type: 'int32', data: new Int32Array(rows.length).fill(total - 1), dims: [rows.length] },
        total_sequence_length: { type: 'int32', data: Int32Array.of(total), dims: [] },
      },
      this.#outputs,
    );
    cache.write(firstRow, position, length, appended);
    return hidden as Float32Array;
  }

  close(): Promise<void> {
    return this.session.close();
  }

  /** The tables of the last call: a step of generation would spend more time on cosines than on its token. */
  #rotary(rope: ResolvedRope, length: number): RotaryTables {
    const known = this.#tables;
    if (known !== undefined && known.rope === rope && known.tables.global.length >= length) return known.tables;
    const tables = rotaryTables(this.spec, rope, length);
    this.#tables = { rope, tables };
    return tables;
  }
}
