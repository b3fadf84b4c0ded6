import type { ResolvedRope } from '../../rope/types.js';
import type { Engine } from '../../runtime/index.js';
import type { Window } from '../perplexity/protocol.js';
import { type KeyTokenRule, keyTokens } from './long-perplexity.js';

/** The same tokens of one document in windows of a judge, each token once, and the RoPE that serves windows of that length. */
export interface JudgedWindows {
  readonly windows: readonly Window[];
  readonly rope: ResolvedRope;
}

/** Indices among the scored tokens of a document of those that the judge gives to be key tokens. */
export async function markKeyTokens(
  engine: Engine,
  { long, short }: { readonly long: JudgedWindows; readonly short: JudgedWindows },
  rule: KeyTokenRule,
  signal?: AbortSignal,
): Promise<number[]> {
  const [whole, parts] = await Promise.all([long, short].map((side) => joinedLosses(engine, side, signal)));
  // Up to the end of the first short window both contexts are the same, and a gain can only come of another rotary table.
  const same = short.windows[0]?.tokens ?? 0;
  return keyTokens(whole as Float32Array, parts as Float32Array, rule).filter((token) => token >= same);
}

async function joinedLosses(
  engine: Engine,
  { windows, rope }: JudgedWindows,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const parts = await Promise.all(
    windows.map(({ ids, scoreFrom }) => engine.tokenLosses({ ids, scoreFrom, rope }, signal)),
  );
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** A short window is moved by this share of itself, so a token's short context is three quarters of it at least. */
const SHORT_STEPS = 4;

/** Windows of `length` tokens over the first `tokens` of each document. */
export function judgedProtocol(length: number, tokens: number) {
  const stride = Math.max(1, Math.floor(length / SHORT_STEPS));
  return { name: 'sliding', length, stride, maxTokens: tokens } as const;
}
