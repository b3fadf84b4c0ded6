/**
 * A table of a flatbuffer whose positions are all checked, as the readers that come with apache-arrow believe them: a damaged
 * count makes those loop over two thousand million elements. Positions outside the buffer throw a RangeError.
 */
export class FlatTable {
  private constructor(
    private readonly view: DataView,
    private readonly at: number,
  ) {}

  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, forward(view, 0));
  }

  /** An unsigned byte; absent = 0. */
  byte(field: number): number {
    const at = this.#position(field);
    return at === null ? 0 : this.view.getUint8(at);
  }

  /** A 64-bit integer that measures something; absent = 0. Negative ones throw. */
  size(field: number): number {
    const at = this.#position(field);
    return at === null ? 0 : sizeAt(this.view, at);
  }

  table(field: number): FlatTable | null {
    const at = this.#position(field);
    return at === null ? null : new FlatTable(this.view, forward(this.view, at));
  }

  tables(field: number): FlatTable[] {
    return this.#vector(field, 4).map((at) => new FlatTable(this.view, forward(this.view, at)));
  }

  /** A vector of structs of two 64-bit sizes each. */
  sizePairs(field: number): (readonly [first: number, second: number])[] {
    return this.#vector(field, 16).map((at) => [sizeAt(this.view, at), sizeAt(this.view, at + 8)]);
  }

  /** Number of elements, all of which lie in the buffer. */
  count(field: number, elementBytes: number): number {
    return this.#vector(field, elementBytes).length;
  }

  /** Positions of the elements of a vector; none when it is absent. */
  #vector(field: number, elementBytes: number): number[] {
    const at = this.#position(field);
    if (at === null) return [];
    const vector = forward(this.view, at);
    const length = this.view.getInt32(vector, true);
    if (length < 0 || vector + 4 + length * elementBytes > this.view.byteLength)
      throw new RangeError(`a vector of ${length} elements`);
    return Array.from({ length }, (_, i) => vector + 4 + i * elementBytes);
  }

  #position(field: number): number | null {
    const vtable = this.at - this.view.getInt32(this.at, true);
    const slot = 4 + 2 * field;
    const offset = slot < this.view.getInt16(vtable, true) ? this.view.getInt16(vtable + slot, true) : 0;
    return offset === 0 ? null : this.at + offset;
  }
}

/** Where the offset at `at` points: always further on, which is why no table contains itself. */
function forward(view: DataView, at: number): number {
  const offset = view.getInt32(at, true);
  if (offset <= 0) throw new RangeError(`an offset of ${offset}`);
  return at + offset;
}

function sizeAt(view: DataView, at: number): number {
  const value = Number(view.getBigInt64(at, true));
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`a size of ${value}`);
  return value;
}
