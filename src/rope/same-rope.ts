import type { ResolvedRope } from './types.js';

/** Whether both fill the same rotary tables, bit for bit. */
export function sameRope(a: ResolvedRope, b: ResolvedRope): boolean {
  const same = (x: Float32Array, y: Float32Array) => x.length === y.length && x.every((value, i) => value === y[i]);
  return (
    a.attentionFactor === b.attentionFactor &&
    a.startTokens === b.startTokens &&
    same(a.inverseFrequency, b.inverseFrequency) &&
    same(a.baseInverseFrequency, b.baseInverseFrequency)
  );
}
