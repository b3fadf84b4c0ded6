import type { ResolvedRope } from '../rope/types.js';

export interface LossRequest {
  readonly ids: Int32Array;
  readonly rope: ResolvedRope;
  /** First token whose loss is wanted, >= 1 (a token is predicted from those before it). */
  readonly scoreFrom: number;
}

export interface LogitsRequest {
  readonly ids: Int32Array;
  readonly rope: ResolvedRope;
  /** Positions whose next-token logits are wanted. */
  readonly rows: Int32Array;
}

/** Sequences that begin alike, such as the choices of one question; what they share is computed once. */
export interface ContinuationRequest {
  readonly sequences: readonly { readonly ids: Int32Array; readonly scoreFrom: number }[];
  readonly rope: ResolvedRope;
}

/**
 * Which rotary table serves which length, shortest first; `maxLength` counts prompt and new tokens. One stage: the table is
 * chosen once. Several: when a sequence grows past a stage, everything is computed anew with the next table (re-prefill),
 * since keys that were cached under another table are wrong.
 */
export type RopeStages = readonly { readonly maxLength: number; readonly rope: ResolvedRope }[];

export interface GenerateRequest {
  /** All of the same length: they are computed as one batch. */
  readonly prompts: readonly Int32Array[];
  readonly stages: RopeStages;
  readonly maxNewTokens: number;
  /** Generation of a sequence ends with the first of these, which is part of the answer. */
  readonly stopIds: readonly number[];
}
