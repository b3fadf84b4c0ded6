import { FLOAT16 } from './float16.js';

/*
 * Blocks of 32 weights (ggml-quants.c, dequantize_row_q4_0 and so on). Each product of a float16 scale and a few bits is
 * exact in float32, so one rounding at the store gives the same bits as the float32 arithmetic of the reference.
 */
const BLOCK = 32;
const HALF = BLOCK / 2;

const halfAt = (bytes: Uint8Array, at: number) => FLOAT16[bytes[at]! | (bytes[at + 1]! << 8)]!;
const wordAt = (bytes: Uint8Array, at: number) =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** f16 d, 16 bytes of nibbles: (q - 8) * d. */
export function decodeQ4_0(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += BLOCK, at += 18) {
    const d = halfAt(bytes, at);
    for (let i = 0; i < HALF; i++) {
      const q = bytes[at + 2 + i]!;
      out[o + i] = ((q & 15) - 8) * d;
      out[o + HALF + i] = ((q >> 4) - 8) * d;
    }
  }
}

/** f16 d, f16 m, 16 bytes of nibbles: q * d + m. */
export function decodeQ4_1(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += BLOCK, at += 20) {
    const d = halfAt(bytes, at);
    const m = halfAt(bytes, at + 2);
    for (let i = 0; i < HALF; i++) {
      const q = bytes[at + 4 + i]!;
      out[o + i] = (q & 15) * d + m;
      out[o + HALF + i] = (q >> 4) * d + m;
    }
  }
}

/** f16 d, 32 fifth bits, 16 bytes of nibbles: (q - 16) * d. */
export function decodeQ5_0(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += BLOCK, at += 22) {
    const d = halfAt(bytes, at);
    const high = wordAt(bytes, at + 2);
    for (let i = 0; i < HALF; i++) {
      const q = bytes[at + 6 + i]!;
      out[o + i] = (((q & 15) | (((high >>> i) & 1) << 4)) - 16) * d;
      out[o + HALF + i] = (((q >> 4) | (((high >>> (i + HALF)) & 1) << 4)) - 16) * d;
    }
  }
}

/** f16 d, f16 m, 32 fifth bits, 16 bytes of nibbles: q * d + m. */
export function decodeQ5_1(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += BLOCK, at += 24) {
    const d = halfAt(bytes, at);
    const m = halfAt(bytes, at + 2);
    const high = wordAt(bytes, at + 4);
    for (let i = 0; i < HALF; i++) {
      const q = bytes[at + 8 + i]!;
      out[o + i] = ((q & 15) | (((high >>> i) & 1) << 4)) * d + m;
      out[o + HALF + i] = ((q >> 4) | (((high >>> (i + HALF)) & 1) << 4)) * d + m;
    }
  }
}

/** f16 d, 32 int8: q * d. */
export function decodeQ8_0(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += BLOCK, at += 34) {
    const d = halfAt(bytes, at);
    for (let i = 0; i < BLOCK; i++) out[o + i] = ((bytes[at + 2 + i]! << 24) >> 24) * d;
  }
}
