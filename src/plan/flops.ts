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
  const { activeMatrices, head } = countParameters(shape);
  const perPair = 4 * shape.heads * shape.headDim;
  const pairs = shape.slidingWindow.reduce<number>((sum, window) => sum + visiblePairs(length, window), 0);
  return { linear: 2 * (activeMatrices + head) * length, attention: perPair * pairs };
}

/** Pairs (query, key) with key <= query and, in a window, query - key < window. */
export function visiblePairs(length: number, window: number | null): number {
  const seen = Math.min(length, window ?? length);
  return (seen * (seen + 1)) / 2 + (length - seen) * seen;
}

/** What is done with one sequence, in forward passes: of the matrix products, and of attention. */
export type Passes = SequenceFlops;

export const FORWARD_PASSES: Passes = { linear: 1, attention: 1 };

/**
 * A training step in forward passes: the backward pass costs two (Kaplan et al. 2020), and with activation checkpointing, without
 * which long sequences do not fit, the forward pass is done again (Korthikanti et al. 2022, section 5).
 */
export const TRAINING_PASSES: Passes = { linear: 4, attention: 4 };

/** With LoRA no matrix needs a gradient of its own, one of the two products of its backward pass; the adapters are little beside it. */
export const LORA_PASSES: Passes = { linear: 3, attention: 4 };

export function repeatedFlops(flops: SequenceFlops, passes: Passes): SequenceFlops {
  return { linear: passes.linear * flops.linear, attention: passes.attention * flops.attention };
}

export function totalFlops({ linear, attention }: SequenceFlops): number {
  return linear + attention;
}
