import type { Problem } from '../../errors.js';
import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import type { FactorSet } from '../../rope/factor-set.js';
import { stretchFactors } from '../../rope/stretch.js';
import { distinct, makeCandidate } from '../candidate.js';
import type { Candidate, SearchProblem } from '../types.js';
import { largestFactor } from './seeds.js';

/**
 * A user's factor sets as seeds: each as it is, and each that was made for a shorter length also stretched to the target
 * (`stretchFactors`); both fitted to the space. A set without an attention factor has the usual formula's.
 */
export function startCandidates(problem: SearchProblem, sets: readonly FactorSet[]): readonly Candidate[] {
  const starts = sets.flatMap((set) => {
    const madeFor = set.targetLength ?? problem.targetLength;
    const { startTokens } = set;
    const attentionFactor =
      set.attentionFactor ?? longropeAttentionFactor(madeFor / problem.originalLength, problem.originalLength);
    const stretched =
      madeFor < problem.targetLength ? stretchFactors(set.factors, problem.targetLength / madeFor) : null;
    return [set.factors, ...(stretched === null ? [] : [stretched])].map((factors) =>
      makeCandidate(factors, attentionFactor, startTokens),
    );
  });
  return fitStarts(problem, starts);
}

/** What is wrong with starts whose start tokens a search cannot choose: another number is another set. None in a file says nothing. */
export function lostStartTokens({ starts = [] }: SearchProblem, values: readonly number[]): readonly Problem[] {
  const counts = starts.map(({ startTokens }) => startTokens);
  const lost = [...new Set(counts.filter((count) => count > 0 && !values.includes(count)))];
  if (lost.length === 0) return [];
  const fix = `give --start-tokens ${[...values, ...lost].join(',')}`;
  const expected = `start tokens that the search can choose, ${values.join(', ')}`;
  return [{ where: 'start factors', expected, found: lost.join(', '), fix }];
}

/** Each start with factors of at least 1 and at most the largest one; equal ones once. */
export function fitStarts(problem: SearchProblem, starts: readonly Candidate[]): readonly Candidate[] {
  const largest = largestFactor(problem);
  const fitted = starts.map(({ factors, attentionFactor, startTokens }) =>
    makeCandidate(
      factors.map((factor) => Math.min(largest, Math.max(1, factor))),
      attentionFactor,
      startTokens,
    ),
  );
  return distinct(fitted);
}
