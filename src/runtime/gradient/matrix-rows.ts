import type { Tensor } from '../session.js';

type Matrix = Extract<Tensor, { readonly type: 'float32' }>;

/** Rows from..to-1 of a matrix, as a view. */
export function rows(data: Float32Array, width: number, from = 0, to = data.length / width): Matrix {
  return { type: 'float32', data: data.subarray(from * width, to * width), dims: [to - from, width] };
}

/** from..to-1 in blocks of at most `size`. */
export function* blocks(from: number, to: number, size: number): Iterable<readonly [from: number, to: number]> {
  for (let at = from; at < to; at += size) yield [at, Math.min(at + size, to)];
}
