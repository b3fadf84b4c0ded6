import { ratioInterval, wilcoxonGreater } from '../evaluation/index.js';
import { type DocumentLoss, tokenWeightedLoss } from './objective.js';
import { countLooks, LEAST_TESTED, type Racing } from './racing-options.js';

/** A candidate, or the best of earlier generations, in a race. */
export interface Runner {
  /** By index of the document; those it has not been scored on are missing. */
  readonly losses: ReadonlyMap<number, DocumentLoss>;
  /** Nats per token that are added to its loss on every document. */
  readonly penalty: number;
}

/**
 * Who of `runners`, all scored on the same first documents of a race, is out: more than `cap` behind the best, not finite, or
 * worse than the best in a one-sided paired test over documents. `rivals` also holds runners that cannot be dropped.
 *
 * The level is divided by the looks of the race and the rivals of one runner (Bonferroni). So the runner that is best in truth
 * is dropped by the test with a probability of at most `level` per race, whoever seems best at a look. `rivalCount` counts those
 * that were dropped, too.
 */
export function fallenBehind(
  runners: readonly Runner[],
  rivals: readonly Runner[],
  {
    racing,
    documents,
    rivalCount,
  }: { readonly racing: Racing; readonly documents: number; readonly rivalCount: number },
): readonly boolean[] {
  const seen = [...(runners[0]?.losses.keys() ?? [])];
  const best = [...runners, ...rivals].reduce((a, b) => (lossOn(b, seen) < lossOn(a, seen) ? b : a));
  const bestLoss = lossOn(best, seen);
  if (!Number.isFinite(bestLoss)) return runners.map(() => false);
  const cap = racing.cap === 'none' ? Number.POSITIVE_INFINITY : racing.cap;
  const alpha = racing.level / (Math.max(1, countLooks(documents, racing.block)) * Math.max(1, rivalCount));
  return runners.map((runner) => {
    // The best itself, and what cannot be told from it.
    const behind = lossOn(runner, seen) - bestLoss;
    return behind > 0 && (behind >= cap || isWorse(runner, best, seen, racing.test, alpha));
  });
}

/** One-sided paired test over documents at level `alpha`. */
function isWorse(
  runner: Runner,
  best: Runner,
  documents: readonly number[],
  test: Racing['test'],
  alpha: number,
): boolean {
  if (documents.length < LEAST_TESTED) return false;
  const units = documents.map((document) => {
    const [a, b] = [runner, best].map(({ losses }) => losses.get(document)) as [DocumentLoss, DocumentLoss];
    return { sum: a.lossSum - b.lossSum + (runner.penalty - best.penalty) * a.tokens, weight: a.tokens };
  });
  // One end of a two-sided interval.
  if (test === 't') return (ratioInterval(units, 1 - 2 * alpha)?.low ?? 0) > 0;
  return wilcoxonGreater(units.map(({ sum, weight }) => sum / weight)) <= alpha;
}

/** Nats per token, penalty included; summed in the order of the documents, so that the bits do not depend on that of the race. */
export function lossOn({ losses, penalty }: Runner, documents: readonly number[]): number {
  const ordered = documents.toSorted((a, b) => a - b);
  return tokenWeightedLoss(ordered.map((document) => losses.get(document) as DocumentLoss)) + penalty;
}

/**
 * The loss that an algorithm is told of a dropped runner: what it was behind the mean of `references` on the documents it has
 * seen, added to their mean on all `documents` of the race. Documents differ in level by more than candidates do; without this
 * who was dropped on easy ones would come before who was scored on all. It stays above the best reference, which
 * it was dropped for: an algorithm's best is never one that was not scored to the end.
 */
export function estimatedLoss(runner: Runner, references: readonly Runner[], documents: readonly number[]): number {
  const seen = [...runner.losses.keys()];
  const finite = references.filter((reference) => Number.isFinite(lossOn(reference, documents)));
  if (finite.length === 0) return Number.POSITIVE_INFINITY;
  const mean = (on: readonly number[]) =>
    finite.reduce((sum, reference) => sum + lossOn(reference, on), 0) / finite.length;
  const best = Math.min(...finite.map((reference) => lossOn(reference, documents)));
  return Math.max(lossOn(runner, seen) - mean(seen) + mean(documents), justAbove(best));
}

function justAbove(value: number): number {
  return value + Math.max(Number.MIN_VALUE, Math.abs(value) * Number.EPSILON);
}
