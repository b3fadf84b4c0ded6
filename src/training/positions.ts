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
