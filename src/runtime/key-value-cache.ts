import type { DecoderSpec } from '../model/types.js';
import type { Tensor } from './session.js';

/** Bytes of the keys and values of one token. */
export function bytesPerCachedToken(spec: DecoderSpec): number {
  return 2 * spec.layers * spec.keyValueHeads * spec.headDim * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * Keys and values of `rows` sequences with room for `capacity` tokens each. It does not know how many it holds: a decoder run is
 * told where it stands, so going back to an earlier position costs nothing.
 */
export class KeyValueCache {
  readonly #rowSize: number;

  constructor(
    private readonly spec: DecoderSpec,
    readonly rows: number,
    readonly capacity: number,
    /** `cachedNames` in order, each row-major [rows, keyValueHeads, capacity, headDim] from its start on. */
    private readonly arrays: readonly Float32Array[],
  ) {
    this.#rowSize = spec.keyValueHeads * capacity * spec.headDim;
  }

  /** The inputs of a decoder run over `count` rows from `row` on; views, not copies. */
  feeds(row: number, count: number): Record<string, Tensor> {
    const dims = [count, this.spec.keyValueHeads, this.capacity, this.spec.headDim];
    return Object.fromEntries(
      cachedNames(this.spec).map((name, i) => {
        const data = (this.arrays[i] as Float32Array).subarray(row * this.#rowSize, (row + count) * this.#rowSize);
        return [`past_key_values.${name}`, { type: 'float32', data, dims }];
      }),
    );
  }

  /** Writes what a run appended, [count, keyValueHeads, length, headDim] per tensor, at `position` of the rows from `row` on. */
  write(row: number, position: number, length: number, appended: readonly Float32Array[]): void {
    const { keyValueHeads, headDim } = this.spec;
    const chunk = length * headDim;
    this.arrays.forEach((data, i) => {
      const source = appended[i] as Float32Array;
      for (let head = 0; head * chunk < source.length; head++) {
        const target = ((row * keyValueHeads + head) * this.capacity + position) * headDim;
        data.set(source.subarray(head * chunk, (head + 1) * chunk), target);
      }
    });
  }

  copyRow(from: number, to: number): void {
    for (const data of this.arrays)
      data.copyWithin(to * this.#rowSize, from * this.#rowSize, (from + 1) * this.#rowSize);
  }
}

/** The memory of one cache at a time; it grows with what is asked for, up to `maxTokens`. */
export class KeyValueStore {
  #arrays: Float32Array[] = [];
  #tokens = 0;
  #current: KeyValueCache | undefined;

  constructor(
    private readonly spec: DecoderSpec,
    readonly maxTokens: number,
  ) {}

  /** The cache that was opened last: what all others held is gone. */
  get current(): KeyValueCache | undefined {
    return this.#current;
  }

  open(rows: number, capacity: number): KeyValueCache {
    const tokens = rows * capacity;
    if (tokens > this.maxTokens) throw new Error(`a cache of ${tokens} tokens, where ${this.maxTokens} are allowed`);
    if (tokens > this.#tokens) {
      this.#tokens = Math.min(this.maxTokens, Math.max(tokens, 2 * this.#tokens));
      // Let go of the old ones before the new ones are there.
      this.#arrays = [];
      const size = this.#tokens * this.spec.keyValueHeads * this.spec.headDim;
      this.#arrays = cachedNames(this.spec).map(() => new Float32Array(size));
    }
    this.#current = new KeyValueCache(this.spec, rows, capacity, this.#arrays);
    return this.#current;
  }
}

/** `N.key` and `N.value` of every layer, the common part of input and output names. */
export function cachedNames(spec: DecoderSpec): string[] {
  return Array.from({ length: spec.layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
}
