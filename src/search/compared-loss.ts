import {
  type CandidateGradient,
  type DocumentLoss,
  sumGradients,
  tokenWeightedGradient,
  tokenWeightedLoss,
} from './objective.js';
import { pullGradient, pullPenalty } from './pull.js';
import type { Candidate, Evaluation } from './types.js';

/**
 * Added to the excess of candidates that break a limit, so that they compare worse than all that keep it: a loss of so many nats per
 * token is no model's.
 */
const INFEASIBLE = 1000;

/** Whether a compared loss is that of a candidate that breaks the limit at the original length. */
export function breaksLimit(comparedLoss: number): boolean {
  return comparedLoss > INFEASIBLE;
}

/** Mean over documents of how far the loss at the original length is above what is allowed, nats per token; null without a limit. */
export function meanExcess(losses: readonly DocumentLoss[]): number | null {
  let sum = 0;
  for (const { short } of losses) {
    if (short === undefined) return null;
    sum += short.excess;
  }
  return sum / losses.length;
}

/**
 * What candidates are compared by (Deb's rules): those that keep the limit by loss and pull, behind them those that break it by how
 * far; +Infinity if the loss is not finite.
 */
export function comparedLoss(candidate: Candidate, losses: readonly DocumentLoss[], pull: number): number {
  const loss = tokenWeightedLoss(losses);
  if (!Number.isFinite(loss)) return loss;
  const excess = meanExcess(losses);
  // Beyond any number the order does not matter; NaN is no order at all.
  if (excess !== null && !(excess <= 0)) return INFEASIBLE + (Number.isFinite(excess) ? excess : INFEASIBLE);
  return loss + pullPenalty(pull, candidate);
}

/** Nats that a gradient search pays for each nat above the limit: more than any it could gain there. */
const PENALTY_PER_NAT = 10;

/**
 * The same for a search that follows gradients and needs a continuous loss: what is above the limit is paid for (an exact penalty), in the
 * gradient too where it is wanted.
 */
export function penalisedLoss(
  candidate: Candidate,
  losses: readonly DocumentLoss[],
  { pull, gradients }: { readonly pull: number; readonly gradients: boolean },
): Evaluation {
  const excess = Math.max(0, meanExcess(losses) ?? 0);
  const sum = tokenWeightedLoss(losses) + PENALTY_PER_NAT * excess + pullPenalty(pull, candidate);
  const loss = Number.isFinite(sum) ? sum : Number.POSITIVE_INFINITY;
  if (!gradients) return { candidate, loss };
  const own = tokenWeightedGradient(losses);
  const ofShort = excess > 0 ? shortGradient(losses) : [];
  if (own === null || ofShort === null) return { candidate, loss, gradient: null };
  const ofPull = pull === 0 ? [] : [{ gradient: pullGradient(pull, candidate), share: 1 }];
  return { candidate, loss, gradient: sumGradients([{ gradient: own, share: 1 }, ...ofShort, ...ofPull]) };
}

/** Of the penalty; null where a document has none. */
function shortGradient(
  losses: readonly DocumentLoss[],
): readonly { gradient: CandidateGradient; share: number }[] | null {
  const parts = losses.flatMap(({ short }) =>
    short?.gradient === undefined ? [] : [{ gradient: short.gradient, share: PENALTY_PER_NAT / losses.length }],
  );
  return parts.length === losses.length ? parts : null;
}
