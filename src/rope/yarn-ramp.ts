import type { RopeGeometry } from './types.js';

export interface YarnRampOptions {
  readonly originalLength: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  readonly truncate: boolean;
}

export const YARN_DEFAULTS = { betaFast: 32, betaSlow: 1, truncate: true } as const;

/** Pairs between which the ramp falls; may lie outside the pairs there are. Ends rounded outwards if `truncate`. */
export function yarnRamp({ theta, rotaryDim }: RopeGeometry, options: YarnRampOptions): { low: number; high: number } {
  const pairOf = (rotations: number) =>
    (rotaryDim * Math.log(options.originalLength / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [floor, ceil] = options.truncate ? [Math.floor, Math.ceil] : [Number, Number];
  const low = Math.max(floor(pairOf(options.betaFast)), 0);
  // Engines clamp to the width, not to the number of pairs; files depend on it.
  const high = Math.min(ceil(pairOf(options.betaSlow)), rotaryDim - 1);
  return { low, high: high === low ? high + 0.001 : high };
}

/**
 * Share of each pair's original frequency that YaRN keeps: 1 for pairs with more than `betaFast` turns in `originalLength`
 * tokens, 0 for those with fewer than `betaSlow`, a line between ("NTK-by-parts").
 */
export function yarnKeep(geometry: RopeGeometry, options: YarnRampOptions): Float64Array {
  const { low, high } = yarnRamp(geometry, options);
  return Float64Array.from(
    { length: geometry.rotaryDim / 2 },
    (_, pair) => 1 - Math.min(1, Math.max(0, (pair - low) / (high - low))),
  );
}
