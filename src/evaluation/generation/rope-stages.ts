import { sameRope } from '../../rope/same-rope.js';
import type { ResolvedRope } from '../../rope/types.js';
import type { RopeStages } from '../../runtime/index.js';
import type { RopeMethod } from '../rope-method.js';

/**
 * How a method whose rotary table depends on the length generates.
 * - once: the table of prompt and answer together, from the first token on; keys in the cache stay right.
 * - re-prefill: the table of the tokens that are there, as transformers' modules choose it at every forward pass; where it
 *   changes, all keys are computed anew (transformers does so for Phi-3 and leaves wrong keys in the cache elsewhere).
 */
export const SWITCH_POLICIES = ['once', 're-prefill'] as const;
export type SwitchPolicy = (typeof SWITCH_POLICIES)[number];

/** Tables for an answer of at most `newTokens` to a prompt. */
export function ropeStages(
  { resolve }: RopeMethod,
  promptTokens: number,
  newTokens: number,
  policy: SwitchPolicy,
): RopeStages {
  const end = promptTokens + newTokens;
  if (policy === 'once') return [{ maxLength: end, rope: resolve(end) }];
  const stages: { maxLength: number; rope: ResolvedRope }[] = [];
  // The last new token is never passed over.
  for (let tokens = promptTokens; tokens < end; tokens++) {
    const rope = resolve(tokens);
    const last = stages.at(-1);
    if (last !== undefined && sameRope(last.rope, rope)) last.maxLength = tokens;
    else stages.push({ maxLength: tokens, rope });
  }
  return stages;
}
