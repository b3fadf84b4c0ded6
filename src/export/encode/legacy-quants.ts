import { float16Bits } from './plain.js';

/*
 * float32 to blocks of 32 weights, bit for bit as gguf-py (`gguf/quants.py`, `quantize_blocks`): every operation is
 * rounded to float32, in its order.
 */
const BLOCK = 32;
const HALF = BLOCK / 2;
const round = Math.fround;

/** float16 d, 32 int8: d = largest magnitude / 127, halves round away from zero. */
export function encodeQ8_0(values: Float32Array, out: Uint8Array): void {
  for (let v = 0, at = 0; v < values.length; v += BLOCK, at += 34) {
    let largest = 0;
    for (let i = 0; i < BLOCK; i++) largest = Math.max(largest, Math.abs(values[v + i]!));
    const d = round(largest / 127);
    const inverse = d === 0 ? 0 : round(1 / d);
    writeHalf(out, at, d);
    for (let i = 0; i < BLOCK; i++) {
      const scaled = round(values[v + i]! * inverse);
      const magnitude = Math.abs(scaled);
      const floor = Math.floor(magnitude);
      const rounded = floor + Math.floor(2 * (magnitude - floor));
      out[at + 2 + i] = byteOf(scaled < 0 ? -rounded : rounded);
    }
  }
}

/** float16 d, 16 bytes of nibbles: d = value of largest magnitude / -8, so that it becomes exactly q = 0. */
export function encodeQ4_0(values: Float32Array, out: Uint8Array): void {
  for (let v = 0, at = 0; v < values.length; v += BLOCK, at += 18) {
    let extreme = values[v]!;
    for (let i = 1; i < BLOCK; i++) if (Math.abs(values[v + i]!) > Math.abs(extreme)) extreme = values[v + i]!;
    const d = round(extreme / -8);
    const inverse = d === 0 ? 0 : round(1 / d);
    writeHalf(out, at, d);
    const nibble = (i: number) => nibbleOf(round(round(values[v + i]! * inverse) + 8.5));
    for (let i = 0; i < HALF; i++) out[at + 2 + i] = nibble(i) | (nibble(i + HALF) << 4);
  }
}

/** float16 d, float16 m, 16 bytes of nibbles: d = (largest - smallest) / 15, m = smallest. */
export function encodeQ4_1(values: Float32Array, out: Uint8Array): void {
  for (let v = 0, at = 0; v < values.length; v += BLOCK, at += 20) {
    let smallest = values[v]!;
    let largest = smallest;
    for (let i = 1; i < BLOCK; i++) {
      const value = values[v + i]!;
      if (value < smallest) smallest = value;
      if (value > largest) largest = value;
    }
    const d = round(round(largest - smallest) / 15);
    const inverse = d === 0 ? 0 : round(1 / d);
    writeHalf(out, at, d);
    writeHalf(out, at + 2, smallest);
    const nibble = (i: number) => nibbleOf(round(round(round(values[v + i]! - smallest) * inverse) + 0.5));
    for (let i = 0; i < HALF; i++) out[at + 4 + i] = nibble(i) | (nibble(i + HALF) << 4);
  }
}

function writeHalf(out: Uint8Array, at: number, value: number): void {
  const bits = float16Bits(value);
  out[at] = bits & 255;
  out[at + 1] = bits >>> 8;
}

/** Of a scale so small that its inverse overflows nothing is left; numpy's casts give 0 for these too. */
function byteOf(value: number): number {
  return Number.isFinite(value) ? value & 255 : 0;
}

function nibbleOf(value: number): number {
  return Number.isFinite(value) ? Math.min(15, Math.trunc(value) & 255) : 0;
}
