import { factorVector } from './factor-vector.js';
import type { FactorVector } from './types.js';

/**
 * Factors made for one length, carried over to one `ratio` times as long: ln factor times 1 + ln ratio / ln largest. The largest
 * factor grows by the ratio, pairs near 1 stay near 1, and the order of the factors stays what it was. null where no
 * factor is above 1, since there is no slow tail to stretch.
 */
export function stretchFactors(factors: FactorVector, ratio: number): FactorVector | null {
  const largest = Math.max(...factors);
  if (!(largest > 1)) return null;
  const exponent = 1 + Math.log(ratio) / Math.log(largest);
  return factorVector(factors.map((factor) => (factor > 1 ? factor ** exponent : factor)));
}
