import type { Draws } from '../corpus/index.js';

/**
 * Positions of PoSE (Zhu et al. 2023) with two chunks: a sequence is cut at a random place, and what is behind it lies somewhere
 * later. Unlike in the paper, which draws the skip uniformly, any doubling of the positions up to `window` is as likely as
 * another: a model is asked at all lengths, and half of a window lies in its last doubling.
 */
export function skippedPositions(tokens: number, window: number, draws: Draws): Int32Array {
  const cut = draws.between(1, tokens - 1);
  // A draw next to 1 rounds to window + 1.
  const spread = Math.min(window, Math.floor(tokens * ((window + 1) / tokens) ** draws.uniform()));
  return Int32Array.from({ length: tokens }, (_, i) => (i < cut ? i : i + spread - tokens));
}

/** One token that stands for a whole window is all that attention would see. */
const LEAST_STAND_INS = 64;

/**
 * For how many tokens each one stands where attention is to be as crowded as in the whole window: positions alone do not teach a model to
 * tell one token from the many it will see. A random stretch before the skip stands for what was skipped; so a token that is looked for lies
 * before the crowd, within it or behind. The first token (BOS), which attention often rests on, stays one; undefined where nothing
 * was skipped or nothing else is before it.
 */
export function standIns(positions: Int32Array, draws: Draws): Float32Array | undefined {
  const cut = positions.findIndex((position, i) => position !== i);
  if (cut < 2) return undefined;
  const skipped = (positions[cut] as number) - cut;
  const from = draws.between(1, Math.max(1, cut - LEAST_STAND_INS));
  return new Float32Array(positions.length).fill(1).fill(1 + skipped / (cut - from), from, cut);
}
