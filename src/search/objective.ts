import type { Candidate } from './types.js';

export interface DocumentLoss {
  /** Negative log-likelihood summed over the scored tokens, in nats; not finite if the model's output is not. */
  readonly lossSum: number;
  readonly tokens: number;
}

export interface LossRequest {
  readonly candidate: Candidate;
  /** Index into `documents`. */
  readonly document: number;
}

export interface EvaluateOptions {
  /** To be called once per request as soon as its loss is known, in any order: it is journaled, so a kill costs less. */
  readonly onResult?: (index: number, loss: DocumentLoss) => void;
  /** When it aborts, `evaluate` should reject soon; results reported before are kept. */
  readonly signal?: AbortSignal;
}

/** What a search minimises. One request, one candidate on one document, is the unit of cost. */
export interface Objective {
  /** Names of the documents. */
  readonly documents: readonly string[];
  /** Tokens that are scored of each document, for every candidate alike. */
  readonly scoredTokens: readonly number[];
  /** Losses in the order of the requests, whatever the number of workers. */
  evaluate(requests: readonly LossRequest[], options?: EvaluateOptions): Promise<readonly DocumentLoss[]>;
}

/** Nats per token over several documents, every token alike; +Infinity as soon as one document's loss is not finite. */
export function tokenWeightedLoss(losses: readonly DocumentLoss[]): number {
  const lossSum = losses.reduce((sum, loss) => sum + loss.lossSum, 0);
  const tokens = losses.reduce((sum, loss) => sum + loss.tokens, 0);
  const loss = lossSum / tokens;
  return Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY;
}
