import { factorVector } from '../rope/factor-vector.js';
import type { Candidate, Evaluation, Json } from './types.js';

export const FACTOR_ORDERS = ['monotone', 'free'] as const;
export type FactorOrder = (typeof FACTOR_ORDERS)[number];

export function makeCandidate(factors: ArrayLike<number>, attentionFactor: number, startTokens: number): Candidate {
  return { factors: factorVector(factors), attentionFactor, startTokens };
}

/** `monotone`: with every factor that is below the one before it raised to that one. */
export function inOrder(candidate: Candidate, order: FactorOrder): Candidate {
  if (order === 'free') return candidate;
  const { factors, attentionFactor, startTokens } = candidate;
  let before = 0;
  const raised = factors.map((factor) => {
    before = Math.max(before, factor);
    return before;
  });
  return makeCandidate(raised, attentionFactor, startTokens);
}

/** Equal for candidates that are equal bit for bit, and only for those. */
export function candidateKey({ factors, attentionFactor, startTokens }: Candidate): string {
  return `${factors.join(',')};${attentionFactor};${startTokens}`;
}

export function candidateJson({ factors, attentionFactor, startTokens }: Candidate): Json {
  return { factors: [...factors], attentionFactor, startTokens };
}

/** Each candidate once, in the order of first appearance. */
export function distinct(candidates: readonly Candidate[]): readonly Candidate[] {
  return [...new Map(candidates.map((candidate) => [candidateKey(candidate), candidate])).values()];
}

/** Throws unless an algorithm is told the first of what it asked, each with a loss. */
export function checkTold(asked: readonly Candidate[], evaluations: readonly Evaluation[]): void {
  for (const [index, { candidate, loss }] of evaluations.entries()) {
    if (candidateKey(candidate) !== candidateKey(asked[index] as Candidate))
      throw new Error('told a candidate that was not asked');
    if (Number.isNaN(loss)) throw new Error('told a loss that is not a number');
  }
}
