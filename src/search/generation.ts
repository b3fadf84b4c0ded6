import type { Evaluator } from './evaluator.js';
import { type DocumentLoss, sumGradients, tokenWeightedGradient, tokenWeightedLoss } from './objective.js';
import type { SearchOptions } from './options.js';
import { pullGradient, pullPenalty } from './pull.js';
import type { Candidate, Evaluation } from './types.js';

/** A generation as far as budget and clock went. */
export interface ScoredGeneration {
  /** Of the first of the candidates asked. */
  readonly told: readonly Evaluation[];
  /** Documents behind these losses, ascending. */
  readonly documents: readonly number[];
  /** Of a race: candidates that it ended early, and the evaluations that it would have taken to score all to the end. */
  readonly race?: { readonly dropped: number; readonly planned: number };
}

/** Scores the candidates of a generation, each on all of its documents. */
export async function scoreGeneration(
  { algorithm, objective, pull = 0 }: SearchOptions,
  evaluator: Evaluator,
  asked: readonly Candidate[],
  generation: number,
): Promise<ScoredGeneration> {
  const count = objective.documents.length;
  const { documentsPerGeneration: wanted } = algorithm;
  const documents =
    wanted === 'all' || wanted >= count
      ? ring(0, count, count)
      : ring(generation * wanted, wanted, count).toSorted((a, b) => a - b);
  const gradients = algorithm.wantsGradients?.() ?? false;
  const candidates = asked.slice(0, evaluator.affordable(asked, documents, gradients));
  if (candidates.length === 0) return { told: [], documents };
  const requests = candidates.flatMap((_, c) => documents.map((document) => [c, document] as const));
  const losses = await evaluator.evaluate({ phase: 'search', generation, candidates, requests, gradients }, objective);
  const told = candidates
    .slice(0, Math.floor(losses.length / documents.length))
    .map((candidate, c) =>
      evaluationOf(candidate, losses.slice(c * documents.length, (c + 1) * documents.length), { pull, gradients }),
    );
  return { told, documents };
}

/** `length` of `count` documents from `first` on; after the last comes the first. */
export function ring(first: number, length: number, count: number): readonly number[] {
  return Array.from({ length }, (_, i) => (first + i) % count);
}

/** What an algorithm is told of a candidate: its loss on these documents, and the pull towards 1. */
function evaluationOf(
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
