import { encodeQ4_0, encodeQ4_1, encodeQ8_0 } from './legacy-quants.js';
import { encodeBF16, encodeF16, encodeF32 } from './plain.js';

/** Types that can be written from floats. K-quants are only carried over as they are, as in gguf-py. */
export const ENCODED_TYPES = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1'] as const;
export type EncodedType = (typeof ENCODED_TYPES)[number];

/** Fills `out` from values that are a whole number of blocks. */
export type Encode = (values: Float32Array, out: Uint8Array) => void;

export const ENCODERS: Readonly<Record<EncodedType, Encode>> = {
  F32: encodeF32,
  F16: encodeF16,
  BF16: encodeBF16,
  Q8_0: encodeQ8_0,
  Q4_0: encodeQ4_0,
  Q4_1: encodeQ4_1,
};
