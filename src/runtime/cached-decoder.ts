import type { DecoderSpec } from '../model/types.js';
import { rotaryTable } from '../rope/rotary-table.js';
import type { ResolvedRope, RotaryTable } from '../rope/types.js';
import { cachedNames, type KeyValueCache } from './key-value-cache.js';
import type { Session } from './session.js';

/** New tokens of `rows.length` rows of a cache, all of the same length, standing at `position`. */
export interface Extension {
  readonly firstRow: number;
  readonly rows: readonly Int32Array[];
  readonly position: number;
}

/** The decoder on a cache: computes new tokens after those whose keys and values are kept. */
export class CachedDecoder {
  readonly #outputs: readonly string[];
  #table: { readonly rope: ResolvedRope; readonly rotary: RotaryTable } | undefined;

  constructor(
    spec: DecoderSpec,
    /** Of a graph built with cache outputs 'appended'. */
    private readonly session: Session,
  ) {
    this.#outputs = ['hidden', ...cachedNames(spec).map((name) => `appended.${name}`)];
  }

  /**
   * Appends to the cache and returns the hidden states [rows, length, hiddenSize]. The kernel takes more than one token after
   * a past only for a single row.
   */
  async extend(
    cache: KeyValueCache,
    rope: ResolvedRope,
    { firstRow, rows, position }: Extension,
  ): Promise<Float32Array> {
    const length = (rows[0] as Int32Array).length;
    const total = position + length;
    if (total > cache.capacity) throw new Error(`${total} tokens in a cache for ${cache.capacity}`);
    if (rows.length > 1 && length > 1 && position > 0) throw new Error('several tokens of several rows after a past');
    const { cos, sin, width } = this.#rotary(rope, cache.capacity);
    const ids = new BigInt64Array(rows.length * length);
    rows.forEach((row, i) => {
      ids.set(BigInt64Array.from(row, BigInt), i * length);
    });
    const [hidden, ...appended] = await this.session.runFor(
      {
        ...cache.feeds(firstRow, rows.length),
        input_ids: { type: 'int64', data: ids, dims: [rows.length, length] },
        cos: { type: 'float32', data: cos.subarray(0, total * width), dims: [total, width] },
        sin: { type: 'float32', data: sin.subarray(0, total * width), dims: [total, width] },
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

  /** The table of the last call: a step of generation would spend more time on cosines than on its token. */
  #rotary(rope: ResolvedRope, length: number): RotaryTable {
    const known = this.#table;
    if (known !== undefined && known.rope === rope && known.rotary.length >= length) return known.rotary;
    const rotary = rotaryTable(rope, length);
    this.#table = { rope, rotary };
    return rotary;
  }
}
