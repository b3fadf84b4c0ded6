import type { ResolvedRope, RotaryTable } from './types.js';

/**
 * cos and sin of positions 0..length-1 as every engine computes them: frequencies rounded once to float32, the angle as
 * a float32 product, cos and sin rounded to float32 and then multiplied by the attention factor in float32.
 */
export function rotaryTable(rope: ResolvedRope, length: number): RotaryTable {
  const scaled = Float32Array.from(rope.inverseFrequency);
  const base = Float32Array.from(rope.baseInverseFrequency);
  const width = scaled.length;
  const cos = new Float32Array(length * width);
  const sin = new Float32Array(length * width);
  const attentionFactor = Math.fround(rope.attentionFactor);
  for (let position = 0, entry = 0; position < length; position++) {
    const frequencies = position < rope.startTokens ? base : scaled;
    for (let pair = 0; pair < width; pair++, entry++) {
      const angle = Math.fround(position * (frequencies[pair] as number));
      cos[entry] = Math.fround(Math.cos(angle)) * attentionFactor;
      sin[entry] = Math.fround(Math.sin(angle)) * attentionFactor;
    }
  }
  return { length, width, cos, sin };
}
