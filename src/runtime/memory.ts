import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { sizeOfShape, type WeightSize } from '../model/index.js';
import type { DecoderSpec } from '../model/types.js';
import { chunkTokens } from './cached-decoder.js';
import { rowsOfGroup, scoresPerBlock } from './gradient/attention-backward.js';
import { biasedBytesPerRow } from './gradient/biased-attention.js';
import { BLOCK_ROWS, KEEP_BYTES } from './gradient/gradient-engine.js';
import { headBlockRows } from './gradient/head-pass.js';
import { innerBytesPerRow } from './gradient/layer-pass.js';
import { bytesPerCachedToken } from './key-value-cache.js';

export interface MemoryEstimate {
  /** Weights mapped from files, one copy for all workers. */
  readonly shared: number;
  readonly perWorker: number;
}

/** Code, heap and session of one worker thread (measured: 42-60 MB). */
const WORKER_BASE = 64 * 2 ** 20;

/** The arena rounds its growth up; measured peaks stay within this factor of the live buffers. */
const ARENA_SLACK = 1.5;

/** Two blocks of logits: before and after the softmax (decoder-engine.ts). */
const HEAD_BYTES = 2 * 2 ** 25;

/**
 * Bytes needed to evaluate sequences of `length` tokens: linear in it, as attention is tiled and the head runs in blocks;
 * with a cap on attention scores the decoder runs in pieces, over a cache.
 * `cacheTokens` keys and values are kept beside that, over all rows of a batch.
 */
export function evaluationMemory(
  spec: DecoderSpec,
  weights: readonly WeightSize[],
  length: number,
  cacheTokens = 0,
): MemoryEstimate {
  const bytes = (dtype: string) =>
    weights.reduce((total, tensor) => total + (tensor.dtype === dtype ? tensor.byteLength : 0), 0);
  // Half-precision weights are cast to float32 at load, in every worker; a head that is the embedding is cast for each of them.
  const half = bytes('F16') + bytes('BF16');
  const tied = spec.tiedEmbeddings && half > 0 ? 4 * spec.vocabularySize * spec.hiddenSize : 0;
  const cast = 2 * half + tied;
  const attentionRows = 2 * spec.heads * spec.headDim + 4 * spec.keyValueHeads * spec.headDim;
  const floatsPerToken = 4 * spec.hiddenSize + Math.max(attentionRows, 3 * spec.intermediateSize);
  // What a run appends exists twice more until it is written to the cache: in ONNX Runtime, and copied out of it.
  const chunk = chunkTokens(spec);
  const appended = 2 * Math.min(cacheTokens, chunk);
  const hidden = 4 * spec.hiddenSize * cacheTokens;
  const cache = bytesPerCachedToken(spec) * (cacheTokens + ARENA_SLACK * appended) + hidden;
  return {
    shared: bytes('F32'),
    perWorker:
      WORKER_BASE +
      cast +
      HEAD_BYTES +
      cache +
      (spec.attentionSoftcap === null
        ? ARENA_SLACK * 4 * floatsPerToken * length
        : inPieces(spec, floatsPerToken, length, chunk)),
  };
}

/** Blocks of logits, of scores and of the rows of a layer, and what the graphs of a gradient make of them (measured at 2,048 tokens). */
const GRADIENT_BLOCKS = 256 * 2 ** 20;

/** Bytes of a gradient with respect to the rotary tables beside `evaluationMemory`: weights as float32, blocks and rows. */
export function ropeGradientMemory(spec: DecoderSpec, weights: readonly WeightSize[], length: number): number {
  const parameters = weights.reduce((sum, { shape }) => sum + sizeOfShape(shape), 0);
  return GRADIENT_BLOCKS + 4 * parameters + gradientRowBytes(spec, length);
}

/**
 * Bytes of a gradient with respect to the weights of `rows` tokens in sequences of at most `longest`, beside the weights and their
 * gradients: rows (`biased`: with keys that stand for several), and the blocks in which the parts of `gradient/` compute, each with
 * what its graph makes of it (operations counted in `graph/gradient/decoder-parts.ts`, copies measured).
 */
export function weightGradientMemory(
  spec: DecoderSpec,
  { rows, longest, biased }: { readonly rows: number; readonly longest: number; readonly biased: boolean },
): number {
  const { hiddenSize, intermediateSize, vocabularySize } = spec;
  const attention = 5 * scoresPerBlock(spec, longest) + rowsOfGroup(spec, longest);
  const logits = 4 * Math.min(rows, headBlockRows(vocabularySize)) * vocabularySize;
  const inner = 8 * (hiddenSize + intermediateSize) * Math.min(rows, BLOCK_ROWS);
  // The gradient of the head that a block has given, in ONNX Runtime and copied out of it.
  const head = 2 * hiddenSize * vocabularySize;
  const wide = biased ? rows * biasedBytesPerRow(spec) : 0;
  return 4 * (attention + logits + inner + head) + gradientRowBytes(spec, rows) + wide;
}

/**
 * The input and the attention of every layer, about twelve matrices of the layer at hand, and inner values as far as they are
 * kept.
 */
function gradientRowBytes(spec: DecoderSpec, rows: number): number {
  const width = spec.hiddenSize + spec.heads * spec.headDim;
  const inner = Math.min(KEEP_BYTES, spec.layers * innerBytesPerRow(spec) * rows);
  return 4 * rows * width * (spec.layers + 6) + inner;
}

/** The activations of one piece and its scores, the cache of the whole sequence, and its hidden states. */
function inPieces(spec: DecoderSpec, floatsPerToken: number, length: number, chunk: number): number {
  const rows = Math.min(length, chunk);
  // Twice: measured 15.7 kB per token with 4 heads, of which the scores of a piece once are 4 kB before slack.
  const scores = 2 * spec.heads * rows * length;
  const present = 2 * spec.keyValueHeads * spec.headDim * length;
  return (
    ARENA_SLACK * 4 * (floatsPerToken * rows + scores + present) +
    (bytesPerCachedToken(spec) + 4 * spec.hiddenSize) * length
  );
}

/** Memory that may still be used without swapping, within the limit of a container if there is one; the file cache counts as free. */
export function availableMemory(): number {
  // Not what the container's own count leaves, in which the file cache is used memory.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(memoryOfMachine(), limit - process.memoryUsage.rss()) : memoryOfMachine();
}

function memoryOfMachine(): number {
  try {
    const match = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'));
    if (match) return Number(match[1]) * 1024;
  } catch {
    // Not Linux: the free memory alone is a safe lower bound.
  }
  return freemem();
}
