import { countParameters } from './parameters.js';
import type { ModelShape } from './shape.js';

const HALF = 2;
const FLOAT = 4;

/** Bytes of keys and values per token: 2 * layers * keyValueHeads * headDim * bytes; Llama-3-8B in float16: 131,072. */
export function cacheBytesPerToken(shape: ModelShape, bytesPerValue = HALF): number {
  return 2 * shape.layers * shape.keyValueHeads * shape.headDim * bytesPerValue;
}

/** The same for a sequence, where layers with a window keep only that much (engines that do not keep all of it). */
export function cacheBytes(shape: ModelShape, length: number, bytesPerValue = HALF): number {
  const perLayer = cacheBytesPerToken(shape, bytesPerValue) / shape.layers;
  return shape.slidingWindow.reduce<number>((sum, window) => sum + perLayer * Math.min(length, window ?? length), 0);
}

/** Serving one sequence in half precision: weights, its keys and values, and the rows of one prefill chunk. */
export function servingBytes(shape: ModelShape, length: number, chunk = 8192): number {
  return HALF * countParameters(shape).total + cacheBytes(shape, length) + layerRows(shape) * Math.min(length, chunk);
}

/**
 * Full fine-tuning with AdamW in mixed precision: 16 bytes per parameter (Rajbhandari et al. 2020, section 3.1: 2 weights,
 * 2 gradients, 12 optimiser).
 */
export function trainingStateBytes(shape: ModelShape): number {
  return 16 * countParameters(shape).total;
}

/**
 * What one sequence adds while it is trained on with activation checkpointing: the input of every layer, what one layer needs while
 * it is recomputed and its gradients, in half precision; the loss in chunks of rows (without that, logits in float32 alone
 * take 4 * vocabulary * length bytes).
 */
export function trainingActivationBytes(shape: ModelShape, length: number): number {
  return length * (HALF * shape.layers * shape.hiddenSize + 2 * layerRows(shape));
}

/** Logits of a whole sequence in float32, which a loss that is not computed in chunks holds at once. */
export function logitsBytes(shape: ModelShape, length: number): number {
  return FLOAT * shape.vocabularySize * length;
}

/** Bytes per token of the rows one layer has at a time: residual, norm, queries, keys, values, attended, gate, up, product. */
function layerRows({ hiddenSize, heads, keyValueHeads, headDim, intermediateSize }: ModelShape): number {
  return HALF * (3 * hiddenSize + 2 * heads * headDim + 2 * keyValueHeads * headDim + 3 * intermediateSize);
}
