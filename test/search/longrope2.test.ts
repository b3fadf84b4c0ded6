import { describe, expect, test } from 'vitest';
import { factorVector } from '../../src/rope/factor-vector.js';
import { criticalDimensions } from '../../src/search/algorithms/longrope2.js';
import { candidateKey, makeCandidate } from '../../src/search/candidate.js';
import { type Candidate, createAlgorithm, type SearchProblem } from '../../src/search/index.js';
import { searchProblem } from './problem.js';

/** LLaMA3-8B, 8k to 128k. */
const llama3: SearchProblem = {
  ...searchProblem({ pairs: 64, originalLength: 8192, ratio: 16 }),
  theta: 500_000,
};
const phi3: SearchProblem = searchProblem({ pairs: 48, originalLength: 2048, ratio: 64 });

/** Tells every candidate its loss until the search ends or so many were asked. */
function drive(
  problem: SearchProblem,
  loss: (candidate: Candidate) => number,
  count: number,
  hyperparameters: unknown = {},
  seed = 1,
) {
  const algorithm = createAlgorithm('longrope2', problem, hyperparameters, seed);
  const generations: (readonly Candidate[])[] = [];
  while (generations.flat().length < count && Object.keys(algorithm.stop()).length === 0) {
    const candidates = algorithm.ask();
    generations.push(candidates);
    if (candidates.length > 0) algorithm.tell(candidates.map((candidate) => ({ candidate, loss: loss(candidate) })));
  }
  return { algorithm, generations, asked: generations.flat() };
}

/** The critical dimension of a candidate: where its factors stop following NTK. */
function criticalOf({ factors }: Candidate, problem: SearchProblem): number | undefined {
  return criticalDimensions(problem).findLast((critical) => tied(factors, critical));
}

function tied(factors: ArrayLike<number>, critical: number): boolean {
  const free = factors[critical] as number;
  return Array.from(factors)
    .slice(0, critical)
    .every((factor, pair) => Math.abs(factor / free ** (pair / critical) - 1) < 1e-12);
}

/** A set of the published form: LLaMA3's follows 21.81^(i/33) below pair 33. */
function published(problem: SearchProblem, critical: number, free: number): Candidate {
  const slow = (pair: number) => free * (1 + (0.2 * (pair - critical)) / (problem.rotaryPairs - critical));
  return makeCandidate(
    Array.from({ length: problem.rotaryPairs }, (_, pair) =>
      pair < critical ? free ** (pair / critical) : slow(pair),
    ),
    1,
    0,
  );
}

const distanceTo =
  (best: Candidate) =>
  ({ factors }: Candidate) =>
    factors.reduce((sum, factor, pair) => sum + Math.log(factor / (best.factors[pair] as number)) ** 2, 0);

describe('longrope2', () => {
  test("looks for the real critical dimension from the paper's d10 to its theoretical one", () => {
    const range = (problem: SearchProblem) => [criticalDimensions(problem)[0], criticalDimensions(problem).at(-1)];
    expect(range(llama3)).toEqual([24, 35]);
    expect(range(phi3)).toEqual([19, 31]);
    // Every pair turns once in training: at least the last one has to be free.
    expect(criticalDimensions(searchProblem({ pairs: 4, originalLength: 1e6 }))).toEqual([3]);
  });

  // Released: the critical dimension is a flag, one run for each value.
  test('tries every critical dimension in its first generation, each flat behind it at a whole number in [s, 2 s]', () => {
    const { asked } = drive(llama3, () => 1, 1);
    const flat = asked.slice(0, criticalDimensions(llama3).length);
    expect(flat.map((candidate) => criticalOf(candidate, llama3))).toEqual(criticalDimensions(llama3));
    for (const { factors } of flat) {
      const free = factors.at(-1) as number;
      expect(Number.isInteger(free)).toBe(true);
      expect(free).toBeGreaterThanOrEqual(16);
      expect(free).toBeLessThanOrEqual(32);
    }
  });

  test('ties the pairs before it in every candidate, and keeps the others in [s, 2 s] on the grid', () => {
    for (const { factors } of drive(phi3, distanceTo(published(phi3, 25, 70)), 700).asked) {
      const critical = criticalOf({ factors } as Candidate, phi3) as number;
      expect(critical).toBeDefined();
      for (const factor of factors.subarray(critical)) {
        expect(factor).toBeGreaterThanOrEqual(64);
        expect(factor).toBeLessThanOrEqual(128);
        expect(Math.abs(factor * 100 - Math.round(factor * 100))).toBeLessThan(1e-9);
      }
    }
  });

  test('finds the critical dimension and the factors of a set of its form', () => {
    const best = published(llama3, 30, 20);
    const loss = distanceTo(best);
    for (const seed of [1, 2, 3]) {
      const { algorithm, asked } = drive(llama3, loss, 1344, {}, seed);
      const found = algorithm.best()?.candidate as Candidate;
      expect(Math.abs((criticalOf(found, llama3) as number) - 30)).toBeLessThanOrEqual(1);
      expect(loss(found)).toBeLessThan(loss(asked[6] as Candidate) / 2);
      expect(loss(found)).toBeLessThan(0.05);
    }
  });

  // Released: a seed outside the bounds has an empty range for every gene, and the loop never ends (defect 6).
  test.each([
    { ratio: 16, hyperparameters: {} },
    { ratio: 16, hyperparameters: { least_ratio: 2 } },
    { ratio: 1.001, hyperparameters: {} },
    { ratio: 4, hyperparameters: { list_step: 1 } },
  ])(
    'seeds lie within the bounds and everything ends: $ratio times, $hyperparameters',
    ({ ratio, hyperparameters }) => {
      const problem = searchProblem({ pairs: 16, ratio });
      const least = Math.max(1, ratio * (hyperparameters.least_ratio ?? 1));
      const given = makeCandidate(new Array(16).fill(1e6), 1, 0);
      const { asked, algorithm } = drive({ ...problem, starts: [given] }, () => 1, 100_000, hyperparameters);
      expect(Object.keys(algorithm.stop())).not.toEqual([]);
      for (const { factors } of asked) {
        expect(factors.at(-1)).toBeGreaterThanOrEqual(least);
        expect(factors.at(-1)).toBeLessThanOrEqual(2 * ratio);
      }
    },
  );

  // Released: history entered twice, crossovers that change one factor, one seed (defect 8 and those of the first version).
  test('never makes a candidate twice, and children differ from all parents', () => {
    const { asked, generations } = drive(llama3, distanceTo(published(llama3, 30, 20)), 600);
    expect(new Set(asked.map(candidateKey)).size).toBe(asked.length);
    const differing = (a: Candidate, b: Candidate) =>
      a.factors.reduce((count, factor, pair) => count + (factor === b.factors[pair] ? 0 : 1), 0);
    const before = generations.slice(0, -1).flat();
    const children = generations.at(-1) as readonly Candidate[];
    const mean =
      children.reduce((sum, child) => sum + Math.min(...before.map((parent) => differing(child, parent))), 0) /
      children.length;
    expect(mean).toBeGreaterThan(2);
  });

  // Released: a new argument pushed the device into the place of another factor (defect 7).
  test('attention factor and start tokens reach a candidate as what they are', () => {
    const { asked } = drive({ ...llama3, startTokens: [4, 16] }, () => 1, 300, { attention_factor: 1.0625 });
    expect(new Set(asked.map(({ attentionFactor }) => attentionFactor))).toEqual(new Set([1.0625]));
    expect(new Set(asked.map(({ startTokens }) => startTokens))).toEqual(new Set([4, 16]));
  });

  test("a user's set becomes the nearest of its form", () => {
    const start = published(llama3, 30, 20);
    const { asked } = drive({ ...llama3, starts: [start] }, () => 1, 1);
    expect(criticalOf(asked[0] as Candidate, llama3)).toBe(30);
    expect(distanceTo(start)(asked[0] as Candidate)).toBeLessThan(1e-4);
    expect(factorVector((asked[0] as Candidate).factors)[40]).toBeCloseTo(start.factors[40] as number, 2);
  });

  test('refuses what contradicts itself, all at once', () => {
    expect(() =>
      createAlgorithm('longrope2', { ...llama3, maxFactor: 8 }, { critical_dimension: 64, least_ratio: 3 }, 1),
    ).toThrow(/critical_dimension[\s\S]*least_ratio[\s\S]*largest factor/);
  });
});
