/*
 * float32 to the smaller floats, rounding to nearest, ties to even, as numpy and gguf-py do. A finite value beyond the
 * largest float16 becomes infinite; `encodeTensor` refuses that.
 */

/** Bits of a float16. */
export function float16Bits(value: number): number {
  SCRATCH[0] = value;
  return halfOf(SCRATCH_BITS[0]!);
}

const SCRATCH = new Float32Array(1);
const SCRATCH_BITS = new Uint32Array(SCRATCH.buffer);

function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // 65520 is half way between the largest float16 and the next power of two: from there on it is infinity.
  if (magnitude >= 0x477ff000) return magnitude > 0x7f800000 ? sign | 0x7e00 : sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    const rebased = magnitude - 0x38000000;
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  // Below 2^-25, and exactly there by ties to even, nothing is left.
  if (magnitude <= 0x33000000) return sign;
  const exponent = magnitude >>> 23;
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - exponent;
  const kept = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

export function encodeF32(values: Float32Array, out: Uint8Array): void {
  out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

export function encodeF16(values: Float32Array, out: Uint8Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const half = halfOf(bits[i]!);
    out[2 * i] = half & 255;
    out[2 * i + 1] = half >>> 8;
  }
}

export function encodeBF16(values: Float32Array, out: Uint8Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const rounded = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    out[2 * i] = rounded & 255;
    out[2 * i + 1] = (rounded >>> 8) & 255;
  }
}
