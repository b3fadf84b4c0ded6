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

/** Nats that a candidate above the limit is charged for each nat above it: more than any it could gain there. */
const PENALTY_PER_NAT = 10;

/**
 * The same for a search that follows gradients and needs a continuous loss: what is above the limit is charged for. Where gradients are
 * wanted, those of loss and pull come by themselves, and the excess with its own: what a limit costs is the descent's to find (`Limit`).
 */
export function penalisedLoss(
  candidate: Candidate,
  losses: readonly DocumentLoss[],
  { pull, gradients }: { readonly pull: number; readonly gradients: boolean },
): Evaluation {
  const excess = meanExcess(losses);
  const sum = tokenWeightedLoss(losses) + PENALTY_PER_NAT * Math.max(0, excess ?? 0) + pullPenalty(pull, candidate);
  const loss = Number.isFinite(sum) ? sum : Number.POSITIVE_INFINITY;
  if (!gradients) return { candidate, loss };
  const own = tokenWeightedGradient(losses);
  const ofShort = excess === null ? [] : shortGradients(losses);
  if (own === null || ofShort === null) return { candidate, loss, gradient: null };
  const ofPull = pull === 0 ? [] : [{ gradient: pullGradient(pull, candidate), share: 1 }];
  return {
    candidate,
    loss,
    gradient: sumGradients([{ gradient: own, share: 1 }, ...ofPull]),
    ...(excess !== null && { short: { excess, gradient: sumGradients(ofShort) } }),
  };
}

/** Whose sum is that of the mean excess; null where a document has none. */
function shortGradients(
  losses: readonly DocumentLoss[],
): readonly { gradient: CandidateGradient; share: number }[] | null {
  const parts = losses.flatMap(({ short }) =>
    short?.gradient === undefined ? [] : [{ gradient: short.gradient, share: 1 / losses.length }],
  );
  return parts.length === losses.length ? parts : null;
}
