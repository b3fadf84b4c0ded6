import type { ScoredRow } from './measures.js';

/** A limit on the rise of perplexity, 0.02 for 2 %, in nats per token. */
export function shortRise(limit: number): number {
  return Math.log1p(limit);
}

/**
 * The largest loss at the original length that a search accepts: that of the model before it, plus `rise` nats per token. The
 * loss counts all tokens (protocol `document`).
 */
export interface ShortLimit {
  readonly length: number;
  /** One per document. */
  readonly rows: readonly ScoredRow[];
  /** Nats per token, one per document. */
  readonly baseLosses: readonly number[];
  /** `shortRise` */
  readonly rise: number;
}
