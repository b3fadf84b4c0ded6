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

/** Float32 against float32 differs by 1e-4, a cache in float16 by some 1e-2; a wrong table by much more than either. */
export const LOGIT_TOLERANCE = 0.05;
export const PERPLEXITY_TOLERANCE = 1e-3;

export function agreement(expected: Observation, observed: Observation): Agreement {
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
      largestLogitDifference <= LOGIT_TOLERANCE &&
      Math.abs(perplexity / expectedPerplexity - 1) <= PERPLEXITY_TOLERANCE,
  };
}

function perplexityOf({ losses }: Observation): number {
  return Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
}
