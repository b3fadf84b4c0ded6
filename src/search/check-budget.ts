import { Allowance, GRADIENT_COST } from './allowance.js';
import type { Budget } from './budget.js';
import type { Racing } from './racing-options.js';
import type { SearchAlgorithm } from './types.js';

/**
 * Throws the `UserError` that a search of `documents` documents would end with at its first generation, for a budget in evaluations: before
 * anything else is computed. `algorithm` is asked, so it is of no use afterwards.
 */
export function checkBudget(
  budget: Budget,
  algorithm: SearchAlgorithm,
  documents: number,
  racing: Racing | undefined,
): void {
  if (budget.unit !== 'documents') return;
  const asked = algorithm.ask().length;
  if (asked === 0) return;
  const allowance = new Allowance(budget, algorithm, {
    documents: Array.from({ length: documents }, (_, i) => `${i}`),
    scoredTokens: [],
  });
  const perGeneration = racing?.documents ?? algorithm.documentsPerGeneration;
  const scored = perGeneration === 'all' ? documents : Math.min(documents, perGeneration);
  // A race of an algorithm that does not compare generations makes do with one document.
  const least = racing === undefined || algorithm.comparesAcrossGenerations ? scored : 1;
  const read = Array.from({ length: least }, (_, i) => i);
  const evaluations = (algorithm.wantsGradients?.() ?? false) ? GRADIENT_COST : 1;
  const nothing = { documents: 0, tokens: 0, seconds: 0 };
  if (allowance.candidates(asked, read, nothing, evaluations) === 0) throw allowance.tooSmall(asked, read);
}
