import type { Matrix } from 'ml-matrix';

/** Products of symmetric matrices are so up to rounding; a decomposition wants it to the bit. */
export function symmetric(matrix: Matrix): Matrix {
  for (let i = 0; i < matrix.rows; i++) for (let j = 0; j < i; j++) matrix.set(j, i, matrix.get(i, j));
  return matrix;
}
