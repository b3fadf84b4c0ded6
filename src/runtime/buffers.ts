import { freeAtOnce } from './free-at-once.js';

/**
 * Arrays that one pass after another uses. Fresh ones would be zeroed, paged in and collected in every layer, which with the
 * binding's copies took a third of the processor time of a step.
 */
export class Buffers {
  readonly #arrays = new Map<string, Float32Array>();

  /** `length` floats with what they held before. The next who asks for this name gets the same memory. */
  get(name: string, length: number): Float32Array {
    const known = this.#arrays.get(name);
    if (known !== undefined && known.length >= length) return known.subarray(0, length);
    const array = new Float32Array(length);
    this.#arrays.set(name, array);
    return array;
  }

  zeros(name: string, length: number): Float32Array {
    return this.get(name, length).fill(0);
  }

  /** Gives all of them back at once. */
  free(): void {
    freeAtOnce([...this.#arrays.values()].map(({ buffer }) => buffer));
    this.#arrays.clear();
  }
}
