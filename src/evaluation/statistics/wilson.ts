import tQuantile from '@stdlib/stats-base-dists-t-quantile';
import type { Interval } from './ratio.js';

/** Student's t with so many degrees of freedom is the normal distribution to the last digit shown. */
const NORMAL = 1e9;

/**
 * Wilson's score interval of a share (Wilson 1927). `hits` may be a sum of scores between 0 and 1: their variance is at most
 * that of hits and misses with the same mean, so the interval is then too wide rather than too narrow. Null without trials.
 */
export function wilsonInterval(hits: number, trials: number, level = 0.95): Interval | null {
  if (trials === 0) return null;
  const z = tQuantile((1 + level) / 2, NORMAL);
  const share = hits / trials;
  const scale = 1 + z ** 2 / trials;
  const centre = (share + z ** 2 / (2 * trials)) / scale;
  const reach = (z / scale) * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  // Rounding must not leave the range at 0 and all hits.
  return { low: Math.max(0, centre - reach), high: Math.min(1, centre + reach), level };
}
