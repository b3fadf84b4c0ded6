import { comparedLoss, penalisedLoss } from './compared-loss.js';
import type { Evaluator } from './evaluator.js';
import type { SearchOptions } from './options.js';
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
  const told = candidates.slice(0, Math.floor(losses.length / documents.length)).map((candidate, c) => {
    const own = losses.slice(c * documents.length, (c + 1) * documents.length);
    return algorithm.wantsGradients === undefined
      ? { candidate, loss: comparedLoss(candidate, own, pull) }
      : { ...penalisedLoss(candidate, own, { pull, gradients }), documents };
  });
  return { told, documents };
}

/** `length` of `count` documents from `first` on; after the last comes the first. */
export function ring(first: number, length: number, count: number): readonly number[] {
  return Array.from({ length }, (_, i) => (first + i) % count);
}
