import { PositionBuckets } from './position-buckets.js';

/** What a perplexity needs of one window: all results follow from these, so they are what a run keeps. */
export interface WindowLoss {
  /** nats, float64 in the order of the tokens */
  readonly sum: number;
  readonly tokens: number;
  /** Loss sum and tokens of each position bucket of the protocol's length. */
  readonly buckets: readonly { readonly sum: number; readonly tokens: number }[];
}

/** losses[i] belongs to position `scoreFrom + i` of a window of `length` tokens at most. */
export function windowLoss(losses: Float32Array, scoreFrom: number, length: number): WindowLoss {
  const buckets = new PositionBuckets(length);
  buckets.add(losses, scoreFrom);
  let sum = 0;
  for (const loss of losses) sum += loss;
  return { sum, tokens: losses.length, buckets: buckets.sums() };
}

/** A window's loss as a journal holds it; a sum that is not finite is null, and counts as infinite. */
export type StoredLoss = {
  readonly sum: number | null;
  readonly tokens: number;
  readonly buckets: readonly (readonly [number | null, number])[];
};

export function toStored({ sum, tokens, buckets }: WindowLoss): StoredLoss {
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return { sum: finite(sum), tokens, buckets: buckets.map((bucket) => [finite(bucket.sum), bucket.tokens]) };
}

export function fromStored({ sum, tokens, buckets }: StoredLoss): WindowLoss {
  return {
    sum: sum ?? Number.POSITIVE_INFINITY,
    tokens,
    buckets: buckets.map(([bucketSum, count]) => ({ sum: bucketSum ?? Number.POSITIVE_INFINITY, tokens: count })),
  };
}
