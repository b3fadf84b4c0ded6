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
