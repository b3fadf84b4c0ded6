import { createAlgorithm } from '../../src/search/index.js';
import type { SearchProblem } from '../../src/search/types.js';
import { describeSearchAlgorithm } from './search-algorithm.js';

const create = (name: string) => (problem: SearchProblem, seed: number, hyperparameters?: unknown) =>
  createAlgorithm(name, problem, hyperparameters, seed);

describeSearchAlgorithm({
  name: 'cma-es',
  create: create('cma-es'),
  largestFactor: ({ ratio }) => 1.25 * ratio,
  evaluations: 300,
  gain: 4,
  tiny: {},
});
describeSearchAlgorithm({
  name: 'longrope',
  create: (problem, seed, hyperparameters = { attention_factor: 'search' }) =>
    createAlgorithm('longrope', problem, hyperparameters, seed),
  largestFactor: ({ ratio }) => 1.25 * ratio,
  evaluations: 1280,
  gain: 2,
  tiny: { list_step: 0.5, start_tokens: 0 },
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
