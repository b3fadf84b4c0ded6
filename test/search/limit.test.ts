import { expect, test } from 'vitest';
import { Limit } from '../../src/search/descent/limit.js';

const RISE = 0.02;
/** So large that it caps no charge. */
const OF_LOSS = Float64Array.of(1e6, 0);
/** Excess of two documents, linear in the point, whose mean is at the limit where 0.6 a - 0.2 b = 0.01. */
const DOCUMENTS = [
  { at: -0.05, slopes: Float64Array.of(1, 0.2) },
  { at: 0.03, slopes: Float64Array.of(0.2, -0.6) },
];
const excess = (document: number, point: Float64Array) => {
  const { at, slopes } = DOCUMENTS[document] as (typeof DOCUMENTS)[number];
  return at + slopes.reduce((sum, slope, i) => sum + slope * (point[i] as number), 0);
};
const meanExcess = (point: Float64Array) => (excess(0, point) + excess(1, point)) / 2;

/** A limit that saw both documents, each at another point. */
function informed(): Limit {
  const limit = new Limit(RISE);
  for (const [document, point] of [Float64Array.of(0.3, 0.1), Float64Array.of(-0.2, 0.4)].entries()) {
    const { slopes } = DOCUMENTS[document] as (typeof DOCUMENTS)[number];
    limit.charge([document], { point, excess: excess(document, point), slopes }, OF_LOSS);
  }
  return limit;
}

test('a point beyond the limit is moved to where the mean over documents keeps it with its margin', () => {
  const point = Float64Array.of(0.5, -0.3);
  expect(meanExcess(point)).toBeGreaterThan(0.3);
  const inside = informed().inside(point);
  const margin = 0.1 * RISE;
  expect(meanExcess(inside)).toBeCloseTo(-margin - 0.25 * (meanExcess(point) + margin), 12);
  // The shortest way: along the mean slopes (0.6, -0.2).
  const [x, y] = inside.map((to, i) => to - (point[i] as number)) as unknown as [number, number];
  expect(x / y).toBeCloseTo(-3, 12);
});

test('a point that keeps the limit stays, and so does every point while nothing is known', () => {
  const point = Float64Array.of(-0.5, 0.3);
  expect(meanExcess(point)).toBeLessThan(-RISE);
  expect(informed().inside(point)).toEqual(point);
  expect(new Limit(RISE).inside(point)).toEqual(point);
});

test('what a step is charged for is the mean excess, with mean slopes, whatever document it sees', () => {
  const charged = (document: number) => {
    const limit = informed();
    const point = Float64Array.of(0.5, -0.3);
    const { slopes } = DOCUMENTS[document] as (typeof DOCUMENTS)[number];
    return limit.charge([document], { point, excess: excess(document, point), slopes }, OF_LOSS);
  };
  const [first, second] = [charged(0), charged(1)];
  expect((first[0] as number) / (first[1] as number)).toBeCloseTo(-3, 12);
  for (const [i, value] of first.entries()) expect(second[i]).toBeCloseTo(value, 12);
});

test('the price of a limit that is kept falls to nothing, of one that stays broken it rises', () => {
  const limit = new Limit(RISE);
  const slopes = Float64Array.of(1);
  const price = (of: number) =>
    limit.charge([0], { point: Float64Array.of(0), excess: of, slopes }, OF_LOSS)[0] as number;
  expect(price(-RISE)).toBe(0);
  const broken = Array.from({ length: 5 }, () => price(RISE));
  expect(broken).toEqual(broken.toSorted((a, b) => a - b));
  expect(new Set(broken).size).toBe(5);
  const kept = Array.from({ length: 20 }, () => price(-RISE));
  expect(kept.at(-1)).toBe(0);
});
