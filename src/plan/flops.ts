import { countParameters } from './parameters.js';
import type { ModelShape } from './shape.js';

/** Floating-point operations of one sequence; a multiplication and an addition are two. */
export interface SequenceFlops {
  /** Matrix products: grow with the length. */
  readonly linear: number;
  /** Scores and weighted sums: grow with its square where a layer sees everything. */
  readonly attention: number;
}

/**
 * One forward pass over `length` tokens with a loss for each. Linear: 2 per matrix parameter and token (Kaplan et al. 2020,
 * section 2.1), the head included. Attention: 2 for each of query times key and weight times value, so
 * 4 * heads * headDim per pair of positions and layer (Chowdhery et al. 2022, appendix B: 12 L H Q T per token trained,
 * a third of it forward), counted only for the pairs that a causal, windowed mask leaves, as tiled kernels do.
 */
export function forwardFlops(shape: ModelShape, length: number): SequenceFlops {
  const { layerMatrices, head } = countParameters(shape);
  const perPair = 4 * shape.heads * shape.headDim;
  const pairs = shape.slidingWindow.reduce<number>((sum, window) => sum + visiblePairs(length, window), 0);
  return { linear: 2 * (layerMatrices + head) * length, attention: perPair * pairs };
}

/** Pairs (query, key) with key <= query and, in a window, query - key < window. */
export function visiblePairs(length: number, window: number | null): number {
  const seen = Math.min(length, window ?? length);
  return (seen * (seen + 1)) / 2 + (length - seen) * seen;
}

/**
 * A training step in forward passes: the backward pass costs two (Kaplan et al. 2020), and with activation checkpointing, without
 * which long sequences do not fit, the forward pass is done again (Korthikanti et al. 2022, section 5).
 */
export const TRAINING_PASSES = 4;

export function totalFlops({ linear, attention }: SequenceFlops): number {
  return linear + attention;
}
