import type { ResolvedRope, RotaryTable } from './types.js';

/** Derivatives of a loss with respect to every entry of a rotary table, row-major [length, rotaryDim / 2]. */
export interface TableGradient {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** Derivatives of a loss with respect to what a rotary table is made from. */
export interface RopeGradient {
  /** Per rotary pair, in loss per (radian per position). Positions below `startTokens` turn with other frequencies and count nothing. */
  readonly inverseFrequency: Float64Array;
  readonly attentionFactor: number;
}

/**
 * Chain rule through cos = a cos(angle), sin = a sin(angle), angle = position * inverseFrequency, a = attention factor. `table` is
 * the one that was used, so the derivatives belong to the angles that were really computed; `position` of its rows, by default
 * from 0 on.
 */
export function ropeGradient(
  rope: ResolvedRope,
  table: RotaryTable,
  gradient: TableGradient,
  at: (row: number) => number = (row) => row,
): RopeGradient {
  const { width, length } = table;
  const inverseFrequency = new Float64Array(width);
  let ofScale = 0;
  for (let row = 0, entry = 0; row < length; row++) {
    const position = at(row);
    const scaled = position >= rope.startTokens;
    for (let pair = 0; pair < width; pair++, entry++) {
      const [cos, sin] = [table.cos[entry] as number, table.sin[entry] as number];
      const [dCos, dSin] = [gradient.cos[entry] as number, gradient.sin[entry] as number];
      ofScale += dCos * cos + dSin * sin;
      if (scaled) inverseFrequency[pair] = (inverseFrequency[pair] as number) + position * (dSin * cos - dCos * sin);
    }
  }
  return { inverseFrequency, attentionFactor: ofScale / rope.attentionFactor };
}

/**
 * Derivatives with respect to ln(factor) of every pair: inverse frequency = base / factor, so they are -inverseFrequency times
 * those of the inverse frequencies; divided by the factors they are those of the factors themselves.
 */
export function logFactorGradient(rope: ResolvedRope, { inverseFrequency }: RopeGradient): Float64Array {
  return inverseFrequency.map((derivative, pair) => -(rope.inverseFrequency[pair] as number) * derivative);
}
