/**
 * What is compared of one forward pass: the last positions of a sequence. A wrong table shows most there, and no engine has
 * to give back logits of all positions.
 */
export interface Probe {
  /** The sequence and the token after it. */
  readonly ids: Int32Array;
  readonly length: number;
  /** How many last positions. */
  readonly rows: number;
  /** Vocabulary entries whose logits are compared; the loss covers all others. */
  readonly vocabulary: readonly number[];
}

export interface Observation {
  /** [rows, vocabulary.length] */
  readonly logits: Float32Array;
  /** Negative log-likelihood of the token after each position, nats; [rows]. */
  readonly losses: Float32Array;
}

const ROWS = 32;
const VOCABULARY_ENTRIES = 64;

/** `ids` needs one token more than `length`. */
export function probeOf(ids: Int32Array, length: number, vocabularySize: number): Probe {
  const step = vocabularySize / Math.min(VOCABULARY_ENTRIES, vocabularySize);
  return {
    ids: ids.slice(0, length + 1),
    length,
    rows: Math.min(ROWS, length),
    vocabulary: Array.from({ length: Math.min(VOCABULARY_ENTRIES, vocabularySize) }, (_, i) => Math.floor(i * step)),
  };
}

/** From whole rows of logits, [rows, vocabularySize]. */
export function observe({ ids, length, rows, vocabulary }: Probe, all: Float32Array): Observation {
  const width = all.length / rows;
  const logits = new Float32Array(rows * vocabulary.length);
  const losses = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const values = all.subarray(row * width, (row + 1) * width);
    vocabulary.forEach((entry, i) => {
      logits[row * vocabulary.length + i] = values[entry]!;
    });
    let largest = Number.NEGATIVE_INFINITY;
    for (const value of values) largest = Math.max(largest, value);
    let sum = 0;
    for (const value of values) sum += Math.exp(value - largest);
    losses[row] = largest + Math.log(sum) - values[ids[length - rows + row + 1]!]!;
  }
  return { logits, losses };
}

export interface Agreement {
  readonly largestLogitDifference: number;
  /** Of the compared positions. */
  readonly perplexity: number;
  readonly expectedPerplexity: number;
  /** Whether the engine applied just what is expected of it. */
  readonly same: boolean;
}

/** Up to which differences an engine has applied what is expected of it. */
export interface Tolerance {
  readonly logits: number;
  /** Relative. */
  readonly perplexity: number;
}

/** Float32 against float32 differs by 1e-4, products in float16 by some 1e-2; a wrong table by much more than either. */
export const TOLERANCE: Tolerance = { logits: 0.05, perplexity: 1e-3 };
/** llama.cpp rounds what it multiplies with such matrices too (docs/verify.md has figures). */
const ROUNDED: Tolerance = { logits: 1.2, perplexity: 0.02 };

/** Of llama.cpp on a file with tensors of these types. */
export function llamaCppTolerance(dtypes: Iterable<string>): Tolerance {
  return [...dtypes].every((dtype) => dtype === 'F32' || dtype === 'F16') ? TOLERANCE : ROUNDED;
}

export function agreement(expected: Observation, observed: Observation, tolerance = TOLERANCE): Agreement {
  let largestLogitDifference = 0;
  expected.logits.forEach((value, i) => {
    // A NaN of an engine must not pass.
    const difference = Math.abs(value - observed.logits[i]!);
    if (!(difference <= largestLogitDifference)) largestLogitDifference = difference;
  });
  const [perplexity, expectedPerplexity] = [perplexityOf(observed), perplexityOf(expected)];
  return {
    largestLogitDifference,
    perplexity,
    expectedPerplexity,
    same:
      largestLogitDifference <= tolerance.logits &&
      Math.abs(perplexity / expectedPerplexity - 1) <= tolerance.perplexity,
  };
}

function perplexityOf({ losses }: Observation): number {
  return Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
}
