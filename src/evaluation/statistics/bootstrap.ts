import mt19937 from '@stdlib/random-base-mt19937';
import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import normalQuantile from '@stdlib/stats-base-dists-normal-quantile';
import { type Interval, ratioMean, type WeightedSum } from './ratio.js';

/** Below this BCa has too few different samples to choose from: its ends are about as far out as single documents. */
export const LEAST_BOOTSTRAP_UNITS = 5;
/** One seed for all results, so that equal measurements give equal bytes. */
export const BOOTSTRAP_SEED = 0;

export interface BootstrapOptions {
  readonly seed?: number;
  readonly draws?: number;
  readonly level?: number;
}

/**
 * Bias-corrected and accelerated (BCa) bootstrap interval of sum / weight, with whole documents drawn again (Efron & Tibshirani
 * 1993, 14.3): asks for no normal distribution, but for more than a handful of documents. The same seed gives the same
 * interval. Null for fewer than five documents or a mean that is not finite.
 */
export function bootstrapInterval(
  units: readonly WeightedSum[],
  { seed = BOOTSTRAP_SEED, draws = 10_000, level = 0.95 }: BootstrapOptions = {},
): Interval | null {
  if (units.length < LEAST_BOOTSTRAP_UNITS) return null;
  return biasCorrectedInterval(units, randomDraws(units.length, draws, seed), level);
}

/** One at a time: all draws of a thousand documents at once would fill 80 MB. */
function* randomDraws(units: number, draws: number, seed: number): Generator<readonly number[]> {
  const word = mt19937.factory({ seed: seed + 1 });
  for (let draw = 0; draw < draws; draw++)
    yield Array.from({ length: units }, () => Math.floor((word() / 2 ** 32) * units));
}

/** The interval for given draws: `draws[r]` are the unit indices of draw r. */
export function biasCorrectedInterval(
  units: readonly WeightedSum[],
  draws: Iterable<readonly number[]>,
  level: number,
): Interval | null {
  const estimate = ratioMean(units);
  if (units.length < 2 || !Number.isFinite(estimate)) return null;
  const replicates: number[] = [];
  for (const indices of draws) replicates.push(ratioMean(indices.map((i) => units[i] as WeightedSum)));
  replicates.sort((a, b) => a - b);
  const spread = (replicates.at(-1) as number) - (replicates[0] as number);
  if (spread === 0) return { low: estimate, high: estimate, level };
  const below = replicates.filter((value) => value < estimate).length;
  const equal = replicates.filter((value) => value === estimate).length;
  const share = (below + equal / 2) / replicates.length;
  // All replicates on one side of the estimate: the correction is infinite, and the percentile interval would miss the estimate.
  if (share === 0 || share === 1) return null;
  const bias = normalQuantile(share, 0, 1);
  const acceleration = jackknifeAcceleration(units);
  const at = (probability: number) => {
    const z = bias + normalQuantile(probability, 0, 1);
    return quantile(replicates, normalCdf(bias + z / (1 - acceleration * z), 0, 1));
  };
  return { low: at((1 - level) / 2), high: at((1 + level) / 2), level };
}

function jackknifeAcceleration(units: readonly WeightedSum[]): number {
  const left = units.map((_, out) => ratioMean(units.filter((_, i) => i !== out)));
  const mean = left.reduce((sum, value) => sum + value, 0) / left.length;
  const squares = left.reduce((sum, value) => sum + (mean - value) ** 2, 0);
  const cubes = left.reduce((sum, value) => sum + (mean - value) ** 3, 0);
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

/** Linear interpolation between order statistics (type 7, numpy's default). */
function quantile(sorted: readonly number[], probability: number): number {
  const position = probability * (sorted.length - 1);
  const lower = Math.floor(position);
  const low = sorted[lower] as number;
  return low + (position - lower) * ((sorted[Math.min(lower + 1, sorted.length - 1)] as number) - low);
}
