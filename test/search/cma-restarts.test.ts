import { describe, expect, it } from 'vitest';
import { createAlgorithm } from '../../src/search/index.js';
import type { Candidate } from '../../src/search/types.js';
import { searchProblem } from './problem.js';

const problem = searchProblem({ pairs: 4, ratio: 4 });

/** Two valleys: at factors of 1.2 and, a little deeper, of 2.6. */
const loss = ({ factors }: Candidate) => {
  const distance = (valley: number) => factors.reduce((sum, factor) => sum + Math.log(factor / valley) ** 2, 0);
  return Math.min(distance(1.2) + 0.01, distance(2.6));
};

function run(hyperparameters: object, loss: (candidate: Candidate) => number, generations = 400) {
  const algorithm = createAlgorithm('cma-es', problem, { tolerance: 0.02, ...hyperparameters }, 3);
  const told: Candidate[][] = [];
  for (let generation = 0; generation < generations; generation++) {
    const asked = algorithm.ask();
    if (asked.length === 0) break;
    told.push([...asked]);
    algorithm.tell(asked.map((candidate) => ({ candidate, loss: loss(candidate) })));
  }
  return { algorithm, asked: told, evaluations: told.flat().length };
}

describe('restarts of cma-es', () => {
  it('begin anew where a search has ended, and keep where it was', () => {
    const [alone, again] = [run({ restarts: 0 }, loss), run({ restarts: 2 }, loss)];
    expect(again.evaluations).toBeGreaterThan(2 * alone.evaluations);
    expect(again.algorithm.stop()).toEqual({ tolerance: 0.02 });
    // The first search is the same, and its end is one of those that are scored at last.
    const kept = again.algorithm.contenders().map(({ factors }) => [...factors].join());
    expect(kept).toContain([...(alone.algorithm.contenders()[0] as Candidate).factors].join());
  });

  it('begin at the next best seed', () => {
    const [alone, again] = [run({ restarts: 0 }, loss), run({ restarts: 1 }, loss)];
    const logarithms = ({ factors }: Candidate) => [...factors].map(Math.log);
    const seeds = (again.asked[0] as Candidate[]).toSorted((a, b) => loss(a) - loss(b)).map(logarithms);
    const restarted = (again.asked[alone.asked.length] as Candidate[]).map(logarithms);
    const middle = restarted[0]?.map((_, pair) => restarted.reduce((sum, own) => sum + (own[pair] as number), 0) / 10);
    const distance = (seed: readonly number[] | undefined) =>
      Math.hypot(...(middle ?? []).map((x, i) => x - (seed?.[i] ?? 0)));
    const other = seeds.findIndex((seed) => seed.join() !== seeds[0]?.join());
    expect(other).toBe(1);
    expect(distance(seeds[other])).toBeLessThan(distance(seeds[0]));
  });

  it('do not happen where there is nothing to learn', () => {
    const [alone, again] = [0, 2].map((restarts) => run({ restarts }, () => Number.POSITIVE_INFINITY));
    expect(again?.evaluations).toBe(alone?.evaluations);
  });
});

it('the step size is halved once, after the generation that is named', () => {
  const [halved, never] = [3, 'never' as const].map((halving_generation) =>
    run({ halving_generation, attention_sigma: 0.01 }, loss, 7),
  );
  const told = (result: typeof halved, generation: number) => result?.asked[generation] as Candidate[];
  // Before them come the seeds, and the best of these with several attention factors.
  for (const generation of [0, 1, 2, 3, 4]) expect(told(halved, generation)).toEqual(told(never, generation));
  // The same random numbers around the same mean: the attention factor, whose bend hardly counts so near, goes half as far.
  const spread = (candidates: readonly Candidate[]) => {
    const logarithms = candidates.map(({ attentionFactor }) => Math.log(attentionFactor));
    return Math.max(...logarithms) - Math.min(...logarithms);
  };
  expect(spread(told(halved, 5)) / spread(told(never, 5))).toBeCloseTo(0.5, 2);
});

it('adaptive learning rates are another search, the same at every start', () => {
  const [fixed, adaptive, again] = ['fixed', 'adaptive', 'adaptive'].map((learning_rates) =>
    JSON.stringify(run({ learning_rates }, loss, 4).algorithm.state()),
  );
  expect(adaptive).not.toBe(fixed);
  expect(adaptive).toBe(again);
});
