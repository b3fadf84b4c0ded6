import { Matrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { cmaParameters } from '../../src/search/cma/parameters.js';
import { CmaStrategy } from '../../src/search/cma/strategy.js';
import { Subspace } from '../../src/search/cma/subspace.js';
import { createAlgorithm } from '../../src/search/index.js';
import type { Candidate } from '../../src/search/types.js';
import { excessLoss, searchProblem } from './problem.js';

const PROBLEM = searchProblem();

/** The plane of (1, 1, 0) and (0, 0, 1). */
const plane = new Subspace(
  new Matrix([
    [Math.SQRT1_2, 0],
    [Math.SQRT1_2, 0],
    [0, 1],
  ]),
);
const rounded = (vector: Float64Array) => [...vector].map((x) => Number(x.toFixed(12)));

describe('a subspace', () => {
  test('projects to the nearest of its points', () => {
    expect(rounded(plane.lift(plane.project(Float64Array.of(3, 1, 5))))).toEqual([2, 2, 5]);
  });

  test('widens a search: what it learnt stays, all other directions are as they were at first', () => {
    const narrow = new CmaStrategy(cmaParameters(2), Float64Array.of(Math.SQRT2, 4), 0.3, Matrix.diag([9, 4]));
    const wide = plane.widen(narrow, cmaParameters(3), null);
    expect(wide.sigma).toBe(0.3);
    expect(rounded(wide.mean)).toEqual([1, 1, 4]);
    // Variances: 9 along (1, 1, 0), 1 along (1, -1, 0), 4 along (0, 0, 1).
    const expected = [
      [5, 4, 0],
      [4, 5, 0],
      [0, 0, 4],
    ];
    for (const [i, row] of expected.entries())
      for (const [j, value] of row.entries()) expect(wide.covariance.get(i, j)).toBeCloseTo(value, 12);
  });
});

/** What cma-es asks: the seeds, the attention line and so many generations. */
function asksOf(hyperparameters: object, generations: number): (readonly Candidate[])[] {
  const algorithm = createAlgorithm('cma-es', PROBLEM, hyperparameters, 1);
  const asked: (readonly Candidate[])[] = [];
  for (let generation = 0; generation < generations + 2; generation++) {
    const candidates = algorithm.ask();
    if (candidates.length === 0) break;
    asked.push(candidates);
    algorithm.tell(candidates.map((candidate) => ({ candidate, loss: excessLoss(PROBLEM, candidate) })));
  }
  return asked;
}

/** Directions in which the coordinates of free factors differ: the inverse of softplus, which is linear in them, of pairs that are nowhere held. */
function directions(candidates: readonly Candidate[]): number {
  const isMoved = (_: number, pair: number) =>
    candidates.every(({ factors }) => factors[pair]! > 1 && factors[pair]! < 1.25 * PROBLEM.ratio);
  const moved = candidates.map(({ factors }) =>
    [...factors].filter(isMoved).map((factor) => Math.log(Math.expm1(Math.log(factor)))),
  );
  const [largest, ...others] = new SingularValueDecomposition(new Matrix(moved).center('column').transpose()).diagonal;
  return 1 + others.filter((value) => value > 1e-8 * largest!).length;
}

describe('cma-es', () => {
  test('moves in few directions first and then in all', () => {
    const asked = asksOf({ first_directions: 3, free_generation: 2 }, 3).slice(2);
    // Ten candidates differ in nine directions at most.
    expect(asked.map(directions)).toEqual([3, 3, 9]);
    expect(directions(asksOf({}, 1)[2]!)).toBe(9);
  });

  test('goes on in all directions where few have come to their end', () => {
    const asked = asksOf({ first_directions: 3, free_generation: 1000, tolerance: 0.5, restarts: 0 }, 40).slice(2);
    expect(directions(asked[0]!)).toBe(3);
    expect(directions(asked.at(-1)!)).toBe(9);
  });

  test('scores the best of a generation, and at first other seeds, with the next one', () => {
    const [seeds, , ...generations] = asksOf({ elites: 2 }, 3) as [readonly Candidate[], ...(readonly Candidate[])[]];
    const byLoss = (candidates: readonly Candidate[]) =>
      candidates.toSorted((a, b) => excessLoss(PROBLEM, a) - excessLoss(PROBLEM, b));
    const distance = (a: Candidate, b: Candidate) =>
      Math.hypot(...Array.from(a.factors, (factor, pair) => Math.log(factor / b.factors[pair]!)));
    const [best, ...others] = byLoss(seeds) as [Candidate, ...Candidate[]];
    for (const [i, candidates] of generations.entries()) {
      expect(candidates).toHaveLength(10);
      for (const elite of [0, 1]) {
        const [injected, origin] = [candidates[elite]!, i === 0 ? others[elite]! : byLoss(generations[i - 1]!)[elite]!];
        if (i === 0) expect(distance(injected, origin)).toBeLessThan(0.9 * distance(best, origin));
        else expect(distance(injected, origin)).toBeLessThan(1e-9);
      }
    }
    expect(generations[0]!.slice(2)).toEqual(asksOf({}, 1)[2]!.slice(0, 8));
  });
});
