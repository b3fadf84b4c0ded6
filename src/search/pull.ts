import type { CandidateGradient } from './objective.js';
import type { Candidate } from './types.js';

/**
 * What a pull towards 1 adds to a loss, in nats per token: weight times the mean of (ln factor)^2 over the rotary pairs. At short
 * lengths slow pairs hardly turn and the loss does not see their factors; published sets for 4k wander there to 62.
 */
export function pullPenalty(weight: number, { factors }: Pick<Candidate, 'factors'>): number {
  return (weight * factors.reduce((sum, factor) => sum + Math.log(factor) ** 2, 0)) / factors.length;
}

/** Its gradient. */
export function pullGradient(weight: number, { factors }: Pick<Candidate, 'factors'>): CandidateGradient {
  return {
    logFactors: Array.from(factors, (factor) => (2 * weight * Math.log(factor)) / factors.length),
    logAttentionFactor: 0,
  };
}
