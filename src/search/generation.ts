import { type DocumentLoss, sumGradients, tokenWeightedGradient, tokenWeightedLoss } from './objective.js';
import { pullGradient, pullPenalty } from './pull.js';
import type { Candidate, Evaluation, SearchAlgorithm } from './types.js';

/** The documents of a generation: the next k of `count` in a ring, in ascending order. */
export function documentsOf(
  generation: number,
  { documentsPerGeneration }: Pick<SearchAlgorithm, 'documentsPerGeneration'>,
  count: number,
): readonly number[] {
  if (documentsPerGeneration === 'all' || documentsPerGeneration >= count)
    return Array.from({ length: count }, (_, i) => i);
  const first = generation * documentsPerGeneration;
  return Array.from({ length: documentsPerGeneration }, (_, i) => (first + i) % count).sort((a, b) => a - b);
}

/** What an algorithm is told of a candidate: its loss on the generation's documents, and the pull towards 1. */
export function evaluationOf(
  candidate: Candidate,
  losses: readonly DocumentLoss[],
  { pull, gradients }: { readonly pull: number; readonly gradients: boolean },
): Evaluation {
  const loss = tokenWeightedLoss(losses) + pullPenalty(pull, candidate);
  if (!gradients) return { candidate, loss };
  const gradient = tokenWeightedGradient(losses);
  if (gradient === null || pull === 0) return { candidate, loss, gradient };
  const parts = [gradient, pullGradient(pull, candidate)].map((part) => ({ gradient: part, share: 1 }));
  return { candidate, loss, gradient: sumGradients(parts) };
}
