import type { Problem } from '../errors.js';
import { resolveRope } from '../rope/frequencies.js';
import type { RopeGeometry, RopeScaling } from '../rope/types.js';
import type { RopeBlock } from './rope-block.js';

/** Numbers so large or small that the float32 arithmetic of engines ends in infinity or NaN for them. */
export function overflows(
  geometry: RopeGeometry,
  scaling: RopeScaling,
  maximum: number,
  { locate }: RopeBlock,
): Problem[] {
  // `longrope` changes its list behind the original length, `dynamic` grows behind the maximum.
  const isUsable = [2, maximum, 2 * maximum].every((length) => {
    const { inverseFrequency, attentionFactor } = resolveRope(geometry, scaling, length);
    const factor = Math.fround(attentionFactor);
    return Number.isFinite(factor) && factor > 0 && inverseFrequency.every(Number.isFinite);
  });
  if (isUsable) return [];
  const numbers = Object.entries({ theta: geometry.theta, ...scaling }).filter(
    ([, value]) => typeof value === 'number',
  );
  return [
    {
      where: locate('rope_type'),
      expected: 'numbers whose frequencies and attention factor fit into float32',
      found: numbers.map(([name, value]) => `${name} ${String(value)}`).join(', '),
    },
  ];
}
