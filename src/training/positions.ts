import type { Draws } from '../corpus/index.js';

/**
 * Positions of PoSE (Zhu et al. 2023) with two chunks: a sequence is cut at a random place, and what is behind it lies somewhere
 * later in a window of `window` positions. So distances of the whole window are trained with a short sequence.
 */
export function skippedPositions(tokens: number, window: number, draws: Draws): Int32Array {
  const cut = draws.between(1, tokens - 1);
  const skip = draws.integer(window - tokens + 1);
  return Int32Array.from({ length: tokens }, (_, i) => (i < cut ? i : i + skip));
}
