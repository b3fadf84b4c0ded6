import { factorVector } from '../rope/factor-vector.js';
import type { Candidate, Json } from './types.js';

export function makeCandidate(factors: ArrayLike<number>, attentionFactor: number, startTokens: number): Candidate {
  return { factors: factorVector(factors), attentionFactor, startTokens };
}

/** Equal for candidates that are equal bit for bit, and only for those. */
export function candidateKey({ factors, attentionFactor, startTokens }: Candidate): string {
  return `${factors.join(',')};${attentionFactor};${startTokens}`;
}

export function candidateJson({ factors, attentionFactor, startTokens }: Candidate): Json {
  return { factors: [...factors], attentionFactor, startTokens };
}
