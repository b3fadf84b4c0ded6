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
  /** Per layer key, value: row-major [rows, keyValueHeads, capacity, headDim]. */
  readonly #tensors: readonly { readonly name: string; readonly data: Float32Array }[];

  constructor(
    private readonly spec: DecoderSpec,
    readonly rows: number,
    readonly capacity: number,
  ) {
    const size = rows * this.#rowSize;
    this.#tensors = cachedNames(spec).map((name) => ({ name, data: new Float32Array(size) }));
  }

  get #rowSize(): number {
    return this.spec.keyValueHeads * this.capacity * this.spec.headDim;
  }

  /** The inputs of a decoder run over `count` rows from `row` on; views, not copies. */
  feeds(row: number, count: number): Record<string, Tensor> {
    const dims = [count, this.spec.keyValueHeads, this.capacity, this.spec.headDim];
    return Object.fromEntries(
      this.#tensors.map(({ name, data }) => [
        `past_key_values.${name}`,
        { type: 'float32', data: data.subarray(row * this.#rowSize, (row + count) * this.#rowSize), dims },
      ]),
    );
  }

  /** Writes what a run appended, [count, keyValueHeads, length, headDim] per tensor, at `position` of the rows from `row` on. */
  write(row: number, position: number, length: number, appended: readonly Float32Array[]): void {
    const { keyValueHeads, headDim } = this.spec;
    const chunk = length * headDim;
    this.#tensors.forEach(({ data }, i) => {
      const source = appended[i] as Float32Array;
      for (let head = 0; head * chunk < source.length; head++) {
        const target = ((row * keyValueHeads + head) * this.capacity + position) * headDim;
        data.set(source.subarray(head * chunk, (head + 1) * chunk), target);
      }
    });
  }

  copyRow(from: number, to: number): void {
    for (const { data } of this.#tensors)
      data.copyWithin(to * this.#rowSize, from * this.#rowSize, (from + 1) * this.#rowSize);
  }
}

/** `N.key` and `N.value` of every layer, the common part of input and output names. */
export function cachedNames(spec: DecoderSpec): string[] {
  return Array.from({ length: spec.layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
}
