import binomialCdf from '@stdlib/stats-base-dists-binomial-cdf';
import { type Interval, pairedUnits, ratioInterval, ratioMean } from './ratio.js';
import { wilcoxonSignedRank } from './wilcoxon.js';

export interface PairedComparison {
  /** Mean of ours - reference, by weight. */
  readonly difference: number;
  /** Student t over pairs; null for fewer than two. */
  readonly interval: Interval | null;
  /** Two-sided; 1 when no pair differs. */
  readonly pValue: number;
  readonly test: 'sign' | 'wilcoxon';
  readonly pairs: number;
}

/**
 * Two models or factor sets measured on the same documents or questions. Right-or-wrong scores are compared by the exact sign
 * test on the questions in which they differ (McNemar), anything else by Wilcoxon's signed ranks, exact up to 50 pairs
 * that differ: in a test each pair counts alike, in the mean and its interval as much as it weighs (default: alike).
 */
export function comparePaired(
  ours: readonly number[],
  reference: readonly number[],
  { level = 0.95, weights = ours.map(() => 1) }: { readonly level?: number; readonly weights?: readonly number[] } = {},
): PairedComparison {
  if (ours.length !== reference.length || ours.length !== weights.length || ours.length === 0)
    throw new Error(`${ours.length} values paired with ${reference.length}, ${weights.length} weights`);
  const differences = ours.map((value, i) => value - (reference[i] as number));
  const units = pairedUnits(differences, weights);
  const isRightOrWrong = differences.every((difference) => difference === 0 || Math.abs(difference) === 1);
  return {
    difference: ratioMean(units),
    interval: ratioInterval(units, level),
    pValue: isRightOrWrong ? signTest(differences) : wilcoxonSignedRank(differences),
    test: isRightOrWrong ? 'sign' : 'wilcoxon',
    pairs: differences.length,
  };
}

/** Exact two-sided sign test; pairs without a difference say nothing. */
export function signTest(differences: readonly number[]): number {
  const better = differences.filter((difference) => difference > 0).length;
  const worse = differences.filter((difference) => difference < 0).length;
  if (better + worse === 0) return 1;
  return Math.min(1, 2 * binomialCdf(Math.min(better, worse), better + worse, 0.5));
}

/** Holm's step-down correction: p-values adjusted for as many tests, in the order given (Holm 1979). */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  order.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * (pValues[index] as number)));
    adjusted[index] = largest;
  });
  return adjusted;
}
