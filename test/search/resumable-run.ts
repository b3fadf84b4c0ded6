// Child process of resume.test.ts: one search on a synthetic objective, slow enough to be killed in the middle.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createAlgorithm,
  multiplierProblem,
  type Objective,
  parseBudget,
  runSearch,
  SecondInterpolation,
  startCandidates,
} from '../../src/search/index.js';
import { limitedObjective, optimum, searchProblem, syntheticObjective } from './problem.js';

const [directory, name, budget, workers] = process.argv.slice(2) as [string, string, string, string];
/** All that changes what a search asks and how it judges, at once. */
const SECOND = 'second interpolation';
const RACING = ' in races';
const frozen = { ...optimum(searchProblem({ pairs: 8, ratio: 2 })), length: 512 };
const plain = searchProblem({ pairs: 8 });
const set = { ...frozen, originalLength: 256, targetLength: 512 };
/** Several parts and a limit, so that the journal holds everything it can. */
const LIMITED = 'gradient under a limit';
const problem = name === SECOND ? { ...plain, starts: startCandidates(plain, [set]), maxFactor: 6 } : plain;
const exact = name === LIMITED ? limitedObjective(problem, 1.5) : syntheticObjective(problem);

/** Results arrive in another order with each number of workers. */
const slow: Objective = {
  ...exact,
  evaluate: async (requests, { onResult } = {}) => {
    const losses = await exact.evaluate(requests);
    const order = [...requests.keys()];
    const take = async (): Promise<void> => {
      for (let index = order.pop(); index !== undefined; index = order.pop()) {
        if (index % 8 === 0) await sleep(1);
        onResult?.(index, losses[index] as (typeof losses)[number]);
      }
    };
    await Promise.all(Array.from({ length: Number(workers) }, take));
    return losses;
  },
};

const OPTIONS: Readonly<Record<string, object>> = {
  'cma-es': {},
  random: {},
  gradient: { restarts: 4, grid: 0.01 },
};
const small = { population_size: 16, parents_size: 8, mutation_numbers: 6, crossover_size: 6 };
const second = new SecondInterpolation(frozen, createAlgorithm('cma-es', multiplierProblem(problem, frozen), {}, 11));
const algorithm = name.split(' ')[0] as string;
await runSearch({
  problem,
  algorithm: name === SECOND ? second : createAlgorithm(algorithm, problem, OPTIONS[algorithm] ?? small, 11),
  // So close a cap that somebody is dropped.
  ...(name.endsWith(RACING) && { racing: { cap: 0.1 } }),
  ...(name === SECOND && { pull: 0.05, partsOf: second.partsOf.bind(second) }),
  seed: 11,
  objective: slow,
  heldOut: syntheticObjective(problem, 2),
  scoreBaselines: true,
  budget: parseBudget(budget),
  runDirectory: directory,
  inputs: { objective: 'synthetic' },
});
