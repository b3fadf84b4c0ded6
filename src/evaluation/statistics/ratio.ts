import tQuantile from '@stdlib/stats-base-dists-t-quantile';

export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

/** A sample unit: the summed value of some tokens of one document. */
export interface WeightedSum {
  readonly sum: number;
  readonly weight: number;
}

/** sum / weight over all units, in the given order. */
export function ratioMean(units: readonly WeightedSum[]): number {
  let sum = 0;
  let weight = 0;
  for (const unit of units) {
    sum += unit.sum;
    weight += unit.weight;
  }
  return sum / weight;
}

/**
 * Student-t interval of the ratio estimator sum / weight with documents as the independent units (Cochran 1977, 6.3);
 * tokens of one document are not independent. Null for fewer than two documents or a non-finite mean.
 */
export function ratioInterval(units: readonly WeightedSum[], level = 0.95): Interval | null {
  const n = units.length;
  const mean = ratioMean(units);
  if (n < 2 || !Number.isFinite(mean)) return null;
  const meanWeight = units.reduce((total, { weight }) => total + weight, 0) / n;
  const squares = units.reduce((total, { sum, weight }) => total + (sum - mean * weight) ** 2, 0);
  const standardError = Math.sqrt(squares / (n - 1) / n) / meanWeight;
  const reach = tQuantile((1 + level) / 2, n - 1) * standardError;
  return { low: mean - reach, high: mean + reach, level };
}

/** Interval of a perplexity from that of its mean loss. */
export function expInterval(interval: Interval | null): Interval | null {
  return interval && { low: Math.exp(interval.low), high: Math.exp(interval.high), level: interval.level };
}

/**
 * exp of the mean difference of two losses measured on the same documents: the ratio of two perplexities with what the
 * documents have in common taken out. A document counts as often as it does in these (`weights`: its scored tokens; default: all
 * alike). Student-t over documents; no interval for fewer than two.
 */
export function pairedRatio(
  losses: readonly number[],
  against: readonly number[],
  weights: readonly number[] = losses.map(() => 1),
): { ratio: number; interval: Interval | null } {
  const differences = pairedUnits(
    losses.map((loss, i) => loss - (against[i] as number)),
    weights,
  );
  return { ratio: Math.exp(ratioMean(differences)), interval: expInterval(ratioInterval(differences)) };
}

/** Differences of pairs as sample units. Weights become shares of the largest: alike, they are exactly 1. */
export function pairedUnits(differences: readonly number[], weights: readonly number[]): WeightedSum[] {
  const largest = Math.max(...weights);
  return differences.map((difference, i) => {
    const weight = (weights[i] as number) / largest;
    return { sum: weight * difference, weight };
  });
}
