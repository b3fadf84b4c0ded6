import normalCdf from '@stdlib/stats-base-dists-normal-cdf';

/** Above it the normal approximation differs from the exact value by less than anyone reads. */
const EXACT_UP_TO = 50;

/**
 * Two-sided Wilcoxon signed-rank test of paired differences; zeros are dropped, ties share their mean rank. Up to 50 differences
 * the p-value is exact, ties included (the distribution over all 2^n choices of signs); above, the normal approximation with tie
 * correction. Own code because `@stdlib/stats-wilcoxon` 0.2.3 answers more than 1 at the centre (1.25 for 1, 2, -3), falls back to
 * the normal approximation as soon as two values tie or one is zero, and refuses a single one. Infinite differences have the last
 * ranks; NaN (both sides infinite) counts as no difference. 1 when nothing differs.
 */
export function wilcoxonSignedRank(differences: readonly number[]): number {
  const { doubled, total, positive } = signedRanks(differences);
  return doubled.length === 0 ? 1 : Math.min(1, 2 * lowerTail(doubled, total, Math.min(positive, total - positive)));
}

/** The same, one-sided: small where the differences tend to be above 0. */
export function wilcoxonGreater(differences: readonly number[]): number {
  const { doubled, total, positive } = signedRanks(differences);
  return doubled.length === 0 ? 1 : lowerTail(doubled, total, total - positive);
}

function signedRanks(differences: readonly number[]) {
  const nonZero = differences.filter((difference) => difference !== 0 && !Number.isNaN(difference));
  const doubled = doubledRanks(nonZero.map(Math.abs));
  const positive = doubled.reduce((sum, rank, i) => sum + ((nonZero[i] as number) > 0 ? rank : 0), 0);
  return { doubled, positive, total: doubled.reduce((sum, rank) => sum + rank, 0) };
}

/** Probability that under random signs the positive ranks sum to at most `sum`. */
function lowerTail(ranks: readonly number[], total: number, sum: number): number {
  return ranks.length <= EXACT_UP_TO ? exact(ranks, total, sum) : approximate(ranks, total, sum);
}

/** Twice the mean ranks, so that they are whole numbers. */
function doubledRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Array<number>(values.length);
  for (let begin = 0; begin < order.length; ) {
    let end = begin + 1;
    while (end < order.length && values[order[end] as number] === values[order[begin] as number]) end++;
    for (const index of order.slice(begin, end)) ranks[index] = begin + 1 + end;
    begin = end;
  }
  return ranks;
}

/** ways[s]: probability that the positive ranks sum to s under random signs. */
function exact(ranks: readonly number[], total: number, most: number): number {
  const ways = new Float64Array(total + 1);
  ways[0] = 1;
  for (const rank of ranks)
    for (let sum = total; sum >= 0; sum--)
      ways[sum] = ((ways[sum] as number) + (sum >= rank ? (ways[sum - rank] as number) : 0)) / 2;
  let tail = 0;
  for (let sum = 0; sum <= most; sum++) tail += ways[sum] as number;
  return tail;
}

function approximate(ranks: readonly number[], total: number, most: number): number {
  // Variance of a sum of ranks with random signs; mean ranks carry the tie correction.
  const deviation = Math.sqrt(ranks.reduce((sum, rank) => sum + rank ** 2, 0)) / 2;
  return normalCdf((most - total / 2) / deviation, 0, 1);
}
