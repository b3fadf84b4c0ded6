import { expect, test } from 'vitest';
import { type Candidate, createAlgorithm, type SearchAlgorithm, type SearchProblem } from '../../src/search/index.js';
import { seededRandom } from '../helpers/random.js';
import { searchProblem } from './problem.js';

const PROBLEM = searchProblem();

/** Up to the first step: the seeds, the first or the last of them the best, and the best with several attention factors. */
function toFirstStep(algorithm: SearchAlgorithm, lossOf: (place: number) => number): readonly Candidate[] {
  const seeds = algorithm.ask();
  algorithm.tell(seeds.map((candidate, i) => ({ candidate, loss: lossOf(i) })));
  algorithm.tell(algorithm.ask().map((candidate) => ({ candidate, loss: 1 })));
  return seeds;
}

const FAST = PROBLEM.rotaryPairs / 2;
/** Pairs that follow those before them, by the prior. */
const CORRELATED = 8;

/** ln factor of the slow half of the pairs after 60 steps, against the seed's; the loss sees the fast half alone, the gradient of the rest is noise. */
function driftOfUnseen(prior_weight: number | 'none'): number {
  const random = seededRandom(5);
  const algorithm = createAlgorithm('gradient', PROBLEM, { prior_weight, tolerance: 1e-9 }, 1);
  const seeds = toFirstStep(algorithm, (place) => place);
  for (let step = 0; step < 60; step++) {
    const [candidate] = algorithm.ask();
    const logFactors = Array.from(candidate!.factors, (factor, pair) =>
      pair < FAST ? Math.log(factor / (1 + pair / FAST)) : 1e-5 * (random() - 0.5),
    );
    algorithm.tell([{ candidate: candidate!, loss: 1, gradient: { logFactors, logAttentionFactor: 0 } }]);
  }
  const [answer] = algorithm.contenders();
  const moves = Array.from(answer!.factors, (factor, pair) => Math.abs(Math.log(factor / seeds[0]!.factors[pair]!)));
  return Math.max(...moves.slice(FAST + CORRELATED));
}

test('factors that the loss does not see stay at the seed, unless that is switched off', () => {
  expect(driftOfUnseen(1e-3)).toBeLessThan(0.01);
  expect(driftOfUnseen('none')).toBeGreaterThan(0.3);
});

test.each([
  [0.25, {}],
  [0.3, {}],
  // 1.37 is between two multiples, and the nearest is above it.
  [0.25, { maxFactor: 1.37 }],
  [0.25, { maxFactor: 1.37, shortRise: 0.02 }],
])('on a grid of %d (%j) every answer is, below the largest factor', (grid, more) => {
  const problem: SearchProblem = { ...PROBLEM, ...more };
  const algorithm = createAlgorithm('gradient', problem, { grid }, 1);
  toFirstStep(algorithm, (place) => -place);
  for (let step = 0; step < 3; step++) {
    const [candidate] = algorithm.ask();
    // All factors upwards.
    const gradient = { logFactors: Array.from(candidate!.factors, () => -1), logAttentionFactor: 0 };
    const short = { excess: -0.02, gradient: { ...gradient, logFactors: gradient.logFactors.map(() => 0) } };
    algorithm.tell([
      { candidate: candidate!, loss: 1, documents: [0], gradient, ...('shortRise' in more && { short }) },
    ]);
  }
  const contenders = algorithm.contenders();
  expect(contenders.length).toBeGreaterThan(2);
  for (const { factors } of contenders)
    for (const factor of factors) {
      expect(factor).toBeLessThanOrEqual(problem.maxFactor ?? 10);
      if (factor !== 1) expect(factor / grid).toBeCloseTo(Math.round(factor / grid), 9);
    }
});
