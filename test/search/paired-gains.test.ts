import { describe, expect, it } from 'vitest';
import { createAlgorithm } from '../../src/search/algorithms/registry.js';
import { parseBudget } from '../../src/search/budget.js';
import { PairedGains } from '../../src/search/descent/paired-gains.js';
import { runSearch } from '../../src/search/driver.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { searchProblem, syntheticObjective } from './problem.js';

describe('gains over the round before', () => {
  const rounds = (...losses: readonly (readonly number[])[]) => {
    const gains = new PairedGains();
    for (const round of losses) for (const [document, loss] of round.entries()) gains.see([document], loss);
    return gains.takePValue();
  };

  it('pair a document with itself, whatever its level', () => {
    // All five are lower than before: 1 of the 32 choices of signs.
    expect(rounds([1, 2, 3, 4, 5], [0.9, 1.8, 2.7, 3.6, 4.5])).toBe(1 / 32);
    expect(rounds([1, 2, 3, 4, 5], [1.1, 2.2, 3.3, 4.4, 5.5])).toBe(1);
  });

  it('are no test as long as they are few, and are used once', () => {
    expect(rounds([1, 2, 3, 4, 5], [0.9])).toBeNull();
    const gains = new PairedGains();
    for (let step = 0; step < 10; step++) gains.see([step % 5], -step);
    expect(gains.takePValue()).toBe(1 / 32);
    expect(gains.takePValue()).toBeNull();
  });
});

it('stop_level ends a descent that gains no more, and not one that does', async () => {
  const problem = searchProblem();
  const run = async (budget: string, hyperparameters: object) =>
    runSearch({
      problem,
      algorithm: createAlgorithm('gradient', problem, hyperparameters, 1),
      seed: 1,
      objective: syntheticObjective(problem),
      budget: parseBudget(budget),
      runDirectory: await temporaryFolder(),
      inputs: {},
    });
  const hyperparameters = { stop_level: 0.2, warmup_steps: 2 };
  const stopped = await run('20000evals', { ...hyperparameters, tolerance: 1e-9 });
  expect(stopped.stop).toEqual({ gain: 0.2 });
  expect(stopped.spent.documents).toBeLessThan(10_000);
  // Before the bottom, which a descent comes to in 100.
  const short = await run('64evals', hyperparameters);
  expect(short.stop).toEqual({ budget: '64 documents' });
  expect(stopped.winner.loss).toBeLessThanOrEqual(short.winner.loss);
});
