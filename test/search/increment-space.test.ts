import { describe, expect, test } from 'vitest';
import { FACTOR_ORDERS, makeCandidate } from '../../src/search/candidate.js';
import { IncrementSpace } from '../../src/search/increment-space.js';
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
  holdsShortest: true,
  attentionDeviation: 0.05,
  startTokensDeviation: 0,
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

  test('are found again from a candidate', () => {
    const origin = makeCandidate(
      ORIGIN.factors.map((factor) => factor + 0.1),
      1.1,
      0,
    );
    const around = new IncrementSpace(PROBLEM, origin, { ...PRIOR, factors, leastIncrease: 1e-6 });
    const found = around.encode(around.decode(somewhere));
    somewhere.forEach((coordinate, i) => {
      expect(found[i]).toBeCloseTo(coordinate, 6);
    });
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

test('the shortest wave is held only where the origin leaves it alone, and only if asked', () => {
  const firstFrom = (origin: typeof ORIGIN, holdsShortest: boolean) => {
    const space = new IncrementSpace(PROBLEM, origin, { ...PRIOR, factors: 'monotone', holdsShortest });
    return space.decode(Float64Array.from({ length: space.dimension }, () => 2)).factors[0];
  };
  expect(firstFrom(ORIGIN, true)).toBe(1);
  expect(firstFrom(ORIGIN, false)).toBeGreaterThan(1.001);
  const even = makeCandidate(
    ORIGIN.factors.map(() => 4),
    1,
    0,
  );
  expect(firstFrom(even, true)).toBeGreaterThan(4.1);
});

test('free factors: pairs that turn often and that the origin leaves alone stay at 1, all others move', () => {
  const turns = Array.from(
    ORIGIN.factors,
    (_, pair) => PROBLEM.originalLength / (2 * Math.PI * PROBLEM.theta ** ((2 * pair) / PROBLEM.rotaryDim)),
  );
  const often = turns.filter((count) => count >= 8).length;
  const unscaledUpTo = (pairs: number, holdsShortest: boolean) => {
    const origin = makeCandidate(
      ORIGIN.factors.map((factor, pair) => (pair < pairs ? 1 : factor + 0.1)),
      1,
      0,
    );
    const space = new IncrementSpace(PROBLEM, origin, { ...PRIOR, factors: 'free', holdsShortest });
    const { factors } = space.decode(new Float64Array(space.dimension).fill(2));
    const slopes = space.pullBack(new Float64Array(space.dimension), { logFactors: weights, logAttentionFactor: 0 });
    expect(slopes.some((slope) => slope !== 0)).toBe(true);
    return factors.filter((factor) => factor === 1).length;
  };
  expect(often).toBeGreaterThan(3);
  expect(often).toBeLessThan(PROBLEM.rotaryPairs - 3);
  expect([0, 2, often, often + 3].map((pairs) => unscaledUpTo(pairs, true))).toEqual([0, 2, often, often]);
  expect(unscaledUpTo(often, false)).toBe(0);
});

test('start tokens are a rounded coordinate behind the others, within the given values', () => {
  const problem = { ...PROBLEM, startTokens: [16, 0, 4] };
  const origin = { ...ORIGIN, startTokens: 4 };
  const space = new IncrementSpace(problem, origin, { ...PRIOR, factors: 'monotone', startTokensDeviation: 1 });
  expect(space.dimension).toBe(PROBLEM.rotaryPairs + 2);
  const at = (place: number) =>
    space.decode(new Float64Array(space.dimension).with(space.dimension - 1, place)).startTokens;
  expect([-9, -0.6, -0.4, 0, 0.4, 0.6, 9].map(at)).toEqual([0, 0, 4, 4, 4, 16, 16]);
});

test('the smoothest directions come first, the attention factor is one by itself', () => {
  const space = new IncrementSpace(PROBLEM, ORIGIN, { ...PRIOR, factors: 'free' });
  const basis = space.smoothDirections(3);
  expect([basis.rows, basis.columns]).toEqual([space.dimension, 4]);
  const product = basis.transpose().mmul(basis);
  for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) expect(product.get(i, j)).toBeCloseTo(i === j ? 1 : 0, 12);
  expect(basis.getColumn(3)).toEqual(
    Array.from({ length: space.dimension }, (_, i) => (i === PROBLEM.rotaryPairs ? 1 : 0)),
  );
  const signChanges = (column: number) => {
    const values = basis.getColumn(column).slice(0, PROBLEM.rotaryPairs);
    return values.filter((value, i) => i > 0 && value * values[i - 1]! < 0).length;
  };
  expect([0, 1, 2].map(signChanges)).toEqual([0, 1, 2]);
});
