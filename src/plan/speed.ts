import { forwardFlops, type SequenceFlops } from './flops.js';
import type { ModelShape } from './shape.js';

export interface Measurement {
  /** tokens */
  readonly length: number;
  /** Of one sequence, while all workers compute one each. */
  readonly seconds: number;
}

/** seconds = linear FLOPs / linear rate + attention FLOPs / attention rate */
export interface Speed {
  /** FLOP/s of one worker while all are busy. */
  readonly linearRate: number;
  readonly attentionRate: number;
  /** Sequences at the same time. */
  readonly workers: number;
  readonly measured: readonly Measurement[];
}

/** An attention kernel is never slower than this share of the matrix products' rate by what was measured anywhere, nor faster than twice. */
const LEAST_RATIO = 1 / 50;
const MOST_RATIO = 2;

/**
 * Rates from two lengths: two equations, two unknowns. Attention is a small part of short sequences, and noise may put its
 * time at nothing or below; its rate is then held to what kernels do in relation to matrix products.
 */
export function fitSpeed(
  shape: ModelShape,
  [short, long]: readonly [Measurement, Measurement],
  workers: number,
): Speed {
  const a = forwardFlops(shape, short.length);
  const b = forwardFlops(shape, long.length);
  // Seconds per FLOP by Cramer's rule.
  const determinant = a.linear * b.attention - b.linear * a.attention;
  const attention = (a.linear * long.seconds - b.linear * short.seconds) / determinant;
  const linear = (short.seconds * b.attention - long.seconds * a.attention) / determinant;
  const measured = [short, long];
  const ratio = linear / attention;
  if (linear > 0 && ratio >= LEAST_RATIO && ratio <= MOST_RATIO)
    return { linearRate: 1 / linear, attentionRate: 1 / attention, workers, measured };
  const held = attention > 0 && (linear <= 0 || ratio < LEAST_RATIO) ? LEAST_RATIO : MOST_RATIO;
  // The longer measurement is the less noisy one.
  const linearRate = (b.linear + b.attention / held) / long.seconds;
  return { linearRate, attentionRate: linearRate * held, workers, measured };
}

/** Of one sequence on one worker. */
export function sequenceSeconds({ linearRate, attentionRate }: Speed, { linear, attention }: SequenceFlops): number {
  return linear / linearRate + attention / attentionRate;
}

/** Of `count` sequences, shared among the workers. */
export function machineSeconds(speed: Speed, flops: SequenceFlops, count: number): number {
  return Math.ceil(count / speed.workers) * sequenceSeconds(speed, flops);
}
