import { expect } from 'vitest';

/** Prints what was measured, then holds it against the tolerance. */
export function check(name: string, difference: number, tolerance: number): void {
  const verdict = difference < tolerance ? 'ok' : 'FAIL';
  console.log(`${name}: largest difference ${difference.toExponential(2)} (tolerance ${tolerance}) ${verdict}`);
  expect(difference, name).toBeLessThan(tolerance);
}

/** NaN counts as an infinite difference. */
export function largestDifference(ours: Float32Array, reference: Float32Array): number {
  if (ours.length !== reference.length || ours.length === 0)
    throw new Error(`${ours.length} values against ${reference.length}`);
  let largest = 0;
  for (let i = 0; i < ours.length; i++) {
    const difference = Math.abs((ours[i] as number) - (reference[i] as number));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return largest;
}
