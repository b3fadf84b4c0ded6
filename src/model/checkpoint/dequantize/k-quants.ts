import { FLOAT16 } from './float16.js';

/** Super-blocks of 256 weights (ggml-quants.c, dequantize_row_q4_K and so on). */
const BLOCK = 256;

const halfAt = (bytes: Uint8Array, at: number) => FLOAT16[bytes[at]! | (bytes[at + 1]! << 8)]!;

/** Six-bit scale of sub-block j (0 to 7): 12 bytes at `at`; scales 4-7 have their low four bits in bytes 8-11. */
function scaleAt(bytes: Uint8Array, at: number, j: number): number {
  return j < 4 ? bytes[at + j]! & 63 : (bytes[at + j + 4]! & 15) | ((bytes[at + j - 4]! >> 6) << 4);
}

/** Six-bit minimum of sub-block j; minima 4-7 have their low four bits in the high nibbles of bytes 8-11. */
function minimumAt(bytes: Uint8Array, at: number, j: number): number {
  return j < 4 ? bytes[at + j + 4]! & 63 : (bytes[at + j + 4]! >> 4) | ((bytes[at + j]! >> 6) << 4);
}

/** f16 d, f16 dmin, 12 bytes of scales and minima, 128 bytes of nibbles: d * scale * q - dmin * minimum. */
export function decodeQ4_K(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += BLOCK, at += 144) {
    const d = halfAt(bytes, at);
    const dmin = halfAt(bytes, at + 2);
    for (let j = 0; j < 8; j++) {
      const scale = d * scaleAt(bytes, at + 4, j);
      const minimum = dmin * minimumAt(bytes, at + 4, j);
      const quants = at + 16 + (j >> 1) * 32;
      const shift = (j & 1) * 4;
      for (let i = 0; i < 32; i++) out[o + 32 * j + i] = scale * ((bytes[quants + i]! >> shift) & 15) - minimum;
    }
  }
}

/** As Q4_K, with 32 bytes before the nibbles whose bit j is the fifth bit of sub-block j. */
export function decodeQ5_K(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += BLOCK, at += 176) {
    const d = halfAt(bytes, at);
    const dmin = halfAt(bytes, at + 2);
    for (let j = 0; j < 8; j++) {
      const scale = d * scaleAt(bytes, at + 4, j);
      const minimum = dmin * minimumAt(bytes, at + 4, j);
      const quants = at + 48 + (j >> 1) * 32;
      const shift = (j & 1) * 4;
      for (let i = 0; i < 32; i++) {
        const high = (bytes[at + 16 + i]! >> j) & 1;
        out[o + 32 * j + i] = scale * (((bytes[quants + i]! >> shift) & 15) | (high << 4)) - minimum;
      }
    }
  }
}

/** 128 bytes of low nibbles, 64 of high bit pairs, 16 int8 scales, f16 d: d * scale * (q - 32). */
export function decodeQ6_K(bytes: Uint8Array, out: Float32Array): void {
  for (let o = 0, at = 0; o < out.length; o += BLOCK, at += 210) {
    const d = halfAt(bytes, at + 208);
    for (let j = 0; j < 8; j++) {
      // Each half of the block has 64 low bytes and 32 high bytes for its four groups of 32 weights.
      const group = j & 3;
      const low = at + (j >> 2) * 64 + (group & 1) * 32;
      const high = at + 128 + (j >> 2) * 32;
      const scales = at + 192 + 2 * j;
      const lowShift = (group >> 1) * 4;
      for (let i = 0; i < 32; i++) {
        const q = ((bytes[low + i]! >> lowShift) & 15) | (((bytes[high + i]! >> (2 * group)) & 3) << 4);
        const scale = d * ((bytes[scales + (i >> 4)]! << 24) >> 24);
        out[o + 32 * j + i] = scale * (q - 32);
      }
    }
  }
}
