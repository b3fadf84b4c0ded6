import { factorVector } from './factor-vector.js';
import type { FactorVector, RopeGeometry } from './types.js';
import { YARN_DEFAULTS, yarnKeep } from './yarn-ramp.js';

/** `--yarn-settings` of the released search; it takes `mistral` for that model type unasked. */
export const RELEASED_YARN_BETAS = {
  llama: { betaFast: YARN_DEFAULTS.betaFast, betaSlow: YARN_DEFAULTS.betaSlow },
  mistral: { betaFast: 128, betaSlow: 2 },
} as const;

/**
 * The initial vector of the released search (microsoft/LongRoPE c9e56aa, `evolution/search.py`), called YaRN there. It
 * blends factors, s (1-m) + m, where YaRN blends frequencies; the gap to YaRN is 3.3 at 8x and 21.7 at 32x. Kept as it is,
 * because the released search as a baseline starts from it.
 */
export function releasedYarnFactors(
  geometry: RopeGeometry,
  { ratio, originalLength }: { readonly ratio: number; readonly originalLength: number },
  betas: { readonly betaFast: number; readonly betaSlow: number } = RELEASED_YARN_BETAS.llama,
): FactorVector {
  const keep = yarnKeep(geometry, { ...betas, originalLength, truncate: true });
  return factorVector(keep.map((kept) => ratio * (1 - kept) + kept));
}
