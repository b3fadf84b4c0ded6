import type { Candidate } from './types.js';

/** Derivatives with respect to ln of every factor and ln of the attention factor. */
export interface CandidateGradient {
  readonly logFactors: readonly number[];
  readonly logAttentionFactor: number;
}

export interface DocumentLoss {
  /** What is minimised, in nats per token, times `tokens`; not finite if the model's output is not. */
  readonly lossSum: number;
  /** What is paid: all tokens that are predicted, whether they count or not. */
  readonly tokens: number;
  /** Of `lossSum`; there if it was asked for and the loss is finite. */
  readonly gradient?: CandidateGradient;
  /** Each of the objective's `parts` by itself, nats per token; not asked for with gradients. */
  readonly parts?: readonly number[];
  /** Of an objective that limits the loss at the original length. */
  readonly short?: ShortLoss;
}

/** The loss at the original length, nats per token, above what is allowed: positive breaks the limit. */
export interface ShortLoss {
  readonly excess: number;
  readonly gradient?: CandidateGradient;
}

export interface LossRequest {
  readonly candidate: Candidate;
  /** Index into `documents`. */
  readonly document: number;
  /** Whether the gradient is wanted too; only of an objective that has `gradients`. */
  readonly gradient?: boolean;
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
  /** `tokens` of each document's losses, for every candidate alike. */
  readonly scoredTokens: readonly number[];
  readonly gradients: boolean;
  /** Names of what the loss is a weighted mean of, where it is one. */
  readonly parts?: readonly string[];
  /** Whether its losses have `short`. */
  readonly hasShortLimit?: boolean;
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

/** The gradient of `tokenWeightedLoss`; null if one document has none. */
export function tokenWeightedGradient(losses: readonly DocumentLoss[]): CandidateGradient | null {
  const tokens = losses.reduce((sum, loss) => sum + loss.tokens, 0);
  const parts: CandidateGradient[] = [];
  for (const { gradient } of losses) {
    if (gradient === undefined) return null;
    parts.push(gradient);
  }
  return sumGradients(parts.map((gradient) => ({ gradient, share: 1 / tokens })));
}

export function sumGradients(
  parts: readonly { readonly gradient: CandidateGradient; readonly share: number }[],
): CandidateGradient {
  const [first] = parts;
  if (first === undefined) throw new Error('a sum of no gradients');
  const total = (of: (gradient: CandidateGradient) => number) =>
    parts.reduce((sum, { gradient, share }) => sum + share * of(gradient), 0);
  return {
    logFactors: first.gradient.logFactors.map((_, pair) => total(({ logFactors }) => logFactors[pair] as number)),
    logAttentionFactor: total(({ logAttentionFactor }) => logAttentionFactor),
  };
}
