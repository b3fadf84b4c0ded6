import { sizeOfShape } from '../tensor-shape.js';
import type { TensorDtype } from '../types.js';

/** A row is a whole number of blocks; plain floats are blocks of one. */
export interface BlockLayout {
  /** Weights per block. */
  readonly length: number;
  readonly bytes: number;
  /** Byte offsets in a block of the floats that make the whole block non-finite when they are. */
  readonly floats: { readonly type: 'F32' | 'F16' | 'BF16'; readonly offsets: readonly number[] };
}

const half = (...offsets: number[]) => ({ type: 'F16', offsets }) as const;

/** Sizes from ggml-common.h (block_q4_0 and so on). */
export const BLOCK_LAYOUTS: Readonly<Record<TensorDtype, BlockLayout>> = {
  F32: { length: 1, bytes: 4, floats: { type: 'F32', offsets: [0] } },
  F16: { length: 1, bytes: 2, floats: half(0) },
  BF16: { length: 1, bytes: 2, floats: { type: 'BF16', offsets: [0] } },
  Q4_0: { length: 32, bytes: 18, floats: half(0) },
  Q4_1: { length: 32, bytes: 20, floats: half(0, 2) },
  Q5_0: { length: 32, bytes: 22, floats: half(0) },
  Q5_1: { length: 32, bytes: 24, floats: half(0, 2) },
  Q8_0: { length: 32, bytes: 34, floats: half(0) },
  Q4_K: { length: 256, bytes: 144, floats: half(0, 2) },
  Q5_K: { length: 256, bytes: 176, floats: half(0, 2) },
  Q6_K: { length: 256, bytes: 210, floats: half(208) },
};

export const READABLE_DTYPES = Object.keys(BLOCK_LAYOUTS) as readonly TensorDtype[];

export function isFloatDtype(dtype: TensorDtype): dtype is 'F32' | 'F16' | 'BF16' {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** Product of the dimensions, or null when it leaves the safe integers. */
export function elementCount(shape: readonly number[]): number | null {
  const count = sizeOfShape(shape);
  return Number.isSafeInteger(count) ? count : null;
}
