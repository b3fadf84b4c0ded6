import type { ScoredRow } from './measures.js';

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
  /** ln of the largest ratio of perplexities. */
  readonly rise: number;
}
