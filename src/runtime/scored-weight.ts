import type { WeightedLossRequest } from './requests.js';

/** Sum of the weights of a request's scored tokens. */
export function scoredWeight({ ids, scoreFrom, tokenWeights }: Omit<WeightedLossRequest, 'rope'>): number {
  return tokenWeights?.reduce((sum, weight) => sum + weight, 0) ?? ids.length - scoreFrom;
}
