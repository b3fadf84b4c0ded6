import type { ResolvedRope } from '../rope/types.js';

export interface LossRequest {
  readonly ids: Int32Array;
  readonly rope: ResolvedRope;
  /** First token whose loss is wanted, >= 1 (a token is predicted from those before it). */
  readonly scoreFrom: number;
}

/** A loss in which scored tokens count by weight. */
export interface WeightedLossRequest extends LossRequest {
  /** Of each scored token, at least 0 and not all 0; default 1 for all. */
  readonly tokenWeights?: Float32Array;
}

export interface LogitsRequest {
  readonly ids: Int32Array;
  readonly rope: ResolvedRope;
  /** Positions whose next-token logits are wanted. */
  readonly rows: Int32Array;
}

/**
 * Sequences that begin alike, such as the choices of one question; every token they share is computed once, at whatever depth
 * they part, and sequences that differ only in their last token cost one pass.
 *
 * A request runs on one worker. A good one is all choices of one question: enough requests to keep all workers busy, progress
 * after each, and nothing is shared across questions that `headerLength` does not cover. One request for hundreds of questions
 * is as fast on one worker but cannot be spread.
 */
export interface ContinuationRequest {
  readonly sequences: readonly {
    readonly ids: Int32Array;
    /** First token whose loss is wanted, >= 1. */
    readonly scoreFrom: number;
  }[];
  readonly rope: ResolvedRope;
  /**
   * How many first tokens other requests begin with as well, such as the few-shot header of an MMLU subject: a worker keeps what
   * it computed for them until a request with another header or table comes. Shorter than every sequence; default 0.
   */
  readonly headerLength?: number;
}

/**
 * Which rotary table serves which length, shortest first. A forward pass over n tokens, which predicts token n + 1, takes the
 * first stage with n <= maxLength: transformers' rule, where the long factors of longrope serve once the largest position + 1
 * is above the original length. One stage: the table is chosen once. Several: when a sequence grows past a stage, all of it is
 * computed anew with the next table (re-prefill), since keys that were cached under another table are wrong; that is what
 * transformers' Phi-3 does, while its llama classes keep the wrong keys.
 */
export type RopeStages = readonly { readonly maxLength: number; readonly rope: ResolvedRope }[];

export interface GenerateRequest {
  /** All of the same length. They are decoded as one batch, or as several where they do not fit into the cache together. */
  readonly prompts: readonly Int32Array[];
  /** The last one must reach to prompt + maxNewTokens - 1 tokens at least: the last new token is not fed. */
  readonly stages: RopeStages;
  readonly maxNewTokens: number;
  /** Generation of a sequence ends with the first of these, which is part of the answer. */
  readonly stopIds: readonly number[];
}
