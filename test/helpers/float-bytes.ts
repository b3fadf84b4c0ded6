import type { FloatDtype } from '../../src/model/index.js';

/** float32 values as the bytes of a dtype; rounds to nearest even. */
export function floatBytes(values: Float32Array, dtype: FloatDtype): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.slice().buffer);
  const bits = Uint16Array.from(values, dtype === 'F16' ? float16Bits : bfloat16Bits);
  return new Uint8Array(bits.buffer);
}

function bfloat16Bits(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65_520) return sign | 0x7c00;
  // The spacing of float16 numbers around the value; below 2^-14 it stays that of the subnormals.
  const exponent = Math.max(Math.floor(Math.log2(magnitude || 2 ** -14)), -14);
  const steps = roundHalfEven(magnitude / 2 ** (exponent - 10));
  // A carry out of the fraction lands in the exponent, as it should.
  return sign | (exponent === -14 ? steps : ((exponent + 14) << 10) + steps);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
