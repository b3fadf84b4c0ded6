import { describe, expect, test } from 'vitest';
import { makeCandidate } from '../../src/search/candidate.js';
import { FACTOR_ORDERS, IncrementSpace } from '../../src/search/increment-space.js';
import { seededRandom } from '../helpers/random.js';
import { searchProblem } from './problem.js';

const PROBLEM = searchProblem();
const random = seededRandom(3);
const ORIGIN = makeCandidate(
  Array.from({ length: PROBLEM.rotaryPairs }, (_, pair) => 1 + (3 * pair) / PROBLEM.rotaryPairs),
  1.1,
  0,
);
const weights = Array.from(ORIGIN.factors, () => random() - 0.5);
const PRIOR = {
  deviation: 1,
  correlationDecades: 0.25,
  independentShare: 0.2,
  leastIncrease: 0.01,
  attentionDeviation: 0.05,
};

describe.each(FACTOR_ORDERS)('%s factors', (factors) => {
  const space = new IncrementSpace(PROBLEM, ORIGIN, { ...PRIOR, factors });
  const somewhere = Float64Array.from({ length: space.dimension }, () => random() - 0.5);

  test('begin at the origin', () => {
    const { factors: given, attentionFactor } = space.decode(new Float64Array(space.dimension));
    given.forEach((factor, pair) => {
      expect(Math.abs(factor / ORIGIN.factors[pair]! - 1)).toBeLessThan(0.02);
    });
    expect(attentionFactor).toBeCloseTo(ORIGIN.attentionFactor, 12);
  });

  test('carry a gradient back as central differences do', () => {
    const loss = (at: Float64Array) => {
      const { factors: given, attentionFactor } = space.decode(at);
      return given.reduce(
        (sum, factor, pair) => sum + weights[pair]! * Math.log(factor),
        2 * Math.log(attentionFactor),
      );
    };
    const gradient = space.pullBack(somewhere, { logFactors: weights, logAttentionFactor: 2 });
    gradient.forEach((slope, i) => {
      const at = (by: number) => loss(somewhere.with(i, somewhere[i]! + by));
      expect(slope).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 8);
    });
  });
});

test('only free factors can decrease', () => {
  const decreases = (factors: Float64Array) => factors.some((factor, pair) => factor < (factors[pair - 1] ?? 0));
  const anywhere = Float64Array.from({ length: PROBLEM.rotaryPairs + 1 }, () => 3 * (random() - 0.5));
  const at = (factors: (typeof FACTOR_ORDERS)[number]) =>
    new IncrementSpace(PROBLEM, ORIGIN, { ...PRIOR, factors }).decode(anywhere).factors;
  expect([decreases(at('monotone')), decreases(at('free'))]).toEqual([false, true]);
});
