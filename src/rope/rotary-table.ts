import type { ResolvedRope, RotaryTable } from './types.js';

/**
 * cos and sin of positions offset..offset+length-1 as every engine computes them: float32 frequencies, the angle as a float32
 * product, cos and sin rounded to float32 and then multiplied by the attention factor in float32.
 * Positions below `startTokens` turn with the base frequencies (LongRoPE eq. 3); the attention factor covers them too.
 */
export function rotaryTable(rope: ResolvedRope, length: number, offset = 0): RotaryTable {
  return rotaryTableAt(rope, { length, position: (row) => offset + row });
}

/** The same at any positions >= 0, one row each. */
export function rotaryTableAt(
  rope: ResolvedRope,
  { length, position: at }: { readonly length: number; readonly position: (row: number) => number },
): RotaryTable {
  const { inverseFrequency: scaled, baseInverseFrequency: base } = rope;
  const width = scaled.length;
  if (base.length !== width) throw new Error(`${base.length} base frequencies for ${width} rotary pairs`);
  const cos = new Float32Array(length * width);
  const sin = new Float32Array(length * width);
  const attentionFactor = Math.fround(rope.attentionFactor);
  for (let row = 0, entry = 0; row < length; row++) {
    const whole = at(row);
    // Engines hold positions as float32 here; it matters from 2^24 on.
    const position = Math.fround(whole);
    const frequencies = whole < rope.startTokens ? base : scaled;
    for (let pair = 0; pair < width; pair++, entry++) {
      const angle = Math.fround(position * (frequencies[pair] as number));
      cos[entry] = Math.fround(Math.cos(angle)) * attentionFactor;
      sin[entry] = Math.fround(Math.sin(angle)) * attentionFactor;
    }
  }
  return { length, width, cos, sin };
}
