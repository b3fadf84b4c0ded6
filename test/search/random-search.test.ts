import { expect, test } from 'vitest';
import { makeCandidate } from '../../src/search/candidate.js';
import { createAlgorithm } from '../../src/search/index.js';
import type { Candidate, SearchAlgorithm } from '../../src/search/types.js';
import { searchProblem } from './problem.js';

const problem = searchProblem({ pairs: 4, ratio: 8 });

function drawAll(algorithm: SearchAlgorithm): Candidate[] {
  const drawn: Candidate[] = [];
  for (let asked = algorithm.ask(); asked.length > 0; asked = algorithm.ask()) {
    drawn.push(...asked);
    algorithm.tell(asked.map((candidate) => ({ candidate, loss: 1 })));
  }
  return drawn;
}

test('random draws uniformly among monotone sets, as many as asked, and learns nothing from losses', () => {
  const algorithm = createAlgorithm('random', problem, { candidates: 4001, population_size: 100 }, 1);
  const drawn = drawAll(algorithm);
  expect(drawn).toHaveLength(4001);
  expect(algorithm.stop()).toEqual({ candidates: 4001 });
  // The k-th of n sorted uniform numbers is Beta(k, n + 1 - k): mean k / (n + 1), variance k (n + 1 - k) / ((n + 1)^2 (n + 2)).
  for (let k = 1; k <= 4; k++) {
    const places = drawn.map(({ factors }) => Math.log(factors[k - 1] as number) / Math.log(1.25 * 8));
    const mean = places.reduce((sum, place) => sum + place, 0) / places.length;
    const variance = places.reduce((sum, place) => sum + (place - mean) ** 2, 0) / places.length;
    const expected = (k * (5 - k)) / (25 * 6);
    expect(Math.abs(mean - k / 5)).toBeLessThan(4 * Math.sqrt(expected / places.length));
    expect(variance / expected).toBeCloseTo(1, 0);
    expect(Math.abs(variance / expected - 1)).toBeLessThan(0.1);
  }
});

test('random tries what a user gave first, and chooses among the start tokens that are allowed', () => {
  const start = makeCandidate([1, 1, 2, 3], 1.1, 0);
  const given = { ...problem, starts: [start], startTokens: [0, 16] };
  const drawn = drawAll(createAlgorithm('random', given, { candidates: 64, attention_factor: 'search' }, 1));
  expect(drawn[0]).toEqual(start);
  expect(drawn).toHaveLength(64);
  expect(new Set(drawn.map(({ startTokens }) => startTokens))).toEqual(new Set([0, 16]));
});

test.each(['random', 'longrope', 'longrope2'])('%s tries all that a user gave, also more than a population', (name) => {
  const largest = [9, 10, 11, 12, 13, 14];
  const starts = largest.map((factor) => makeCandidate([factor, factor, factor, factor], 1, 0));
  const many = { ...problem, starts, maxFactor: 16, shortRise: 0.1 };
  const genetic = { parents_size: 4, mutation_numbers: 4, crossover_size: 0, attention_factor: 1 };
  const values = { population_size: 4, ...(name !== 'random' && genetic) };
  const found = createAlgorithm(name, many, values, 1)
    .ask()
    .map(({ factors }) => factors.at(-1));
  expect(found).toEqual(expect.arrayContaining(largest));
  // What surely keeps the limit, where an algorithm has it.
  if (name !== 'longrope2') expect(found).toContain(1);
});
