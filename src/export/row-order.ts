/** Rows of one head in another order: row r of the result is row `order[r]` of the source. */
export type RowOrder = Uint32Array;

/** Pairs (i, i + d/2), as Hugging Face keeps them, to neighbours (2i, 2i + 1), as llama.cpp's llama kernel turns them. */
export function halvesToNeighbours(headDim: number): RowOrder {
  return Uint32Array.from({ length: headDim }, (_, row) => (row >> 1) + (row & 1) * (headDim / 2));
}

/** The way back; rows behind the first `rotaryDim` of a head do not turn and stay. */
export function neighboursToHalves(headDim: number, rotaryDim: number): RowOrder {
  const half = rotaryDim / 2;
  return Uint32Array.from({ length: headDim }, (_, row) => {
    if (row >= rotaryDim) return row;
    return row < half ? 2 * row : 2 * (row - half) + 1;
  });
}

/** Applies the order to every head in `bytes`, a whole number of heads; `scratch` is at least as long. */
export function reorderRows(bytes: Uint8Array, rowBytes: number, order: RowOrder, scratch: Uint8Array): Uint8Array {
  const headBytes = rowBytes * order.length;
  for (let head = 0; head < bytes.byteLength; head += headBytes)
    for (let row = 0; row < order.length; row++) {
      const from = head + order[row]! * rowBytes;
      scratch.set(bytes.subarray(from, from + rowBytes), head + row * rowBytes);
    }
  return scratch.subarray(0, bytes.byteLength);
}
