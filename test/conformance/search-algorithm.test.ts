import {
  createAlgorithm,
  type FrozenSet,
  multiplierProblem,
  SecondInterpolation,
  startCandidates,
} from '../../src/search/index.js';
import type { SearchProblem } from '../../src/search/types.js';
import { optimum } from '../search/problem.js';
import { describeSearchAlgorithm } from './search-algorithm.js';

const create =
  (name: string, usual?: unknown) =>
  (problem: SearchProblem, seed: number, hyperparameters = usual) =>
    createAlgorithm(name, problem, hyperparameters, seed);

/** Paper, Table 4. */
const largestFactor = ({ ratio }: SearchProblem) => 1.25 * ratio;

/** The best factors for the geometric mean of original and target length, frozen: multipliers then have an optimum of their own. */
const halfway = (problem: SearchProblem): FrozenSet => {
  const ratio = Math.sqrt(problem.ratio);
  return { ...optimum({ ...problem, ratio }), attentionFactor: 1.03, length: ratio * problem.originalLength };
};
const started = (problem: SearchProblem): SearchProblem => ({
  ...problem,
  maxFactor: 1.5 * problem.ratio,
  starts: startCandidates(problem, [{ ...halfway(problem), originalLength: null, targetLength: null }]),
});

describeSearchAlgorithm({
  name: 'cma-es',
  order: 'free',
  create: create('cma-es'),
  largestFactor,
  evaluations: 300,
  gain: 4,
  tiny: {},
});
describeSearchAlgorithm({
  name: 'gradient',
  order: 'free',
  create: create('gradient'),
  largestFactor,
  evaluations: 60,
  gain: 20,
  tiny: {},
});
describeSearchAlgorithm({
  name: 'gradient',
  order: 'free',
  variant: ', four descents',
  create: create('gradient', { restarts: 4 }),
  largestFactor,
  evaluations: 130,
  gain: 20,
  tiny: { restarts: 4 },
});
describeSearchAlgorithm({
  name: 'cma-es',
  variant: ' whose factors never decrease',
  create: create('cma-es', { factors: 'monotone' }),
  largestFactor,
  evaluations: 300,
  gain: 4,
  tiny: { factors: 'monotone' },
});
describeSearchAlgorithm({
  name: 'cma-es',
  order: 'free',
  variant: ' in few directions first, with elites',
  create: create('cma-es', { first_directions: 6, elites: 1 }),
  largestFactor,
  evaluations: 300,
  gain: 4,
  tiny: { first_directions: 1, elites: 1 },
  repeats: true,
});
describeSearchAlgorithm({
  name: 'gradient',
  variant: ' whose factors never decrease, from a start',
  create: (problem, seed, hyperparameters = { factors: 'monotone' }) =>
    createAlgorithm('gradient', started(problem), hyperparameters, seed),
  largestFactor: ({ ratio }) => 1.5 * ratio,
  evaluations: 60,
  gain: 5,
  tiny: { factors: 'monotone' },
});
describeSearchAlgorithm({
  name: 'random',
  create: create('random', { attention_factor: 'search' }),
  largestFactor,
  evaluations: 1280,
  gain: 1.2,
  tiny: { attention_factor: 'search' },
});
describeSearchAlgorithm({
  name: 'longrope',
  create: create('longrope', { attention_factor: 'search' }),
  largestFactor,
  evaluations: 1280,
  gain: 2,
  tiny: { attention_factor: 'search', list_step: 0.5, start_tokens: 0 },
});
describeSearchAlgorithm({
  name: 'longrope2',
  create: create('longrope2', { attention_factor: 'search' }),
  largestFactor: ({ ratio }) => 2 * ratio,
  evaluations: 1280,
  // The optimum lies outside its space: no factor below s behind the critical dimension.
  gain: 1.01,
  tiny: { attention_factor: 'search', list_step: 0.5, max_time_budget: 3 },
});
describeSearchAlgorithm({
  name: 'longrope2',
  variant: ' from a start, with start tokens',
  create: (problem, seed, hyperparameters = { least_ratio: 0.7 }) =>
    createAlgorithm('longrope2', { ...started(problem), startTokens: [0, 4, 16] }, hyperparameters, seed),
  largestFactor: ({ ratio }) => 1.5 * ratio,
  evaluations: 1280,
  gain: 1,
  tiny: { least_ratio: 0.7, list_step: 0.5, max_time_budget: 3 },
});
describeSearchAlgorithm({
  name: 'cma-es',
  order: 'free',
  variant: ' with start tokens',
  create: (problem, seed, hyperparameters) =>
    createAlgorithm('cma-es', { ...problem, startTokens: [0, 4, 16] }, hyperparameters, seed),
  largestFactor,
  evaluations: 300,
  gain: 3,
  tiny: {},
});
describeSearchAlgorithm({
  name: 'gradient',
  order: 'free',
  variant: ' with start tokens',
  create: (problem, seed, hyperparameters) =>
    createAlgorithm('gradient', { ...problem, startTokens: [4, 0] }, hyperparameters, seed),
  largestFactor,
  evaluations: 70,
  gain: 15,
  tiny: {},
});
for (const name of ['dim-mono', 'dim-piece-mono']) {
  describeSearchAlgorithm({
    name,
    create: (problem, seed, hyperparameters = { attention_factor: 1 }) =>
      createAlgorithm(name, problem, hyperparameters, seed),
    // The released bound is one more than the ratio, and up to two steps.
    largestFactor: ({ ratio }) => ratio + 1 + 2 * 0.01,
    evaluations: 1280,
    gain: 1.2,
    // Every failed mutant sweeps to its limit.
    tiny: { list_step: 1, max_time_budget: 3 },
  });
}

describeSearchAlgorithm({
  name: 'cma-es',
  order: 'free',
  variant: ' over frozen factors',
  create: (problem, seed, hyperparameters) => {
    const frozen = halfway(problem);
    return new SecondInterpolation(
      frozen,
      createAlgorithm('cma-es', multiplierProblem(problem, frozen), hyperparameters, seed),
    );
  },
  largestFactor: (problem) => 1.25 * Math.sqrt(problem.ratio) * (halfway(problem).factors.at(-1) as number),
  evaluations: 300,
  // The first generation starts four times as near as without frozen factors.
  gain: 3,
  tiny: {},
});
describeSearchAlgorithm({
  name: 'longrope',
  variant: ' from a start, with a largest factor',
  create: (problem, seed, hyperparameters = { attention_factor: 'search' }) =>
    createAlgorithm('longrope', started(problem), hyperparameters, seed),
  largestFactor: ({ ratio }) => 1.5 * ratio,
  evaluations: 1280,
  gain: 2,
  tiny: { list_step: 0.5, start_tokens: 0 },
});
