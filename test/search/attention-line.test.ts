import { expect, test } from 'vitest';
import { makeCandidate } from '../../src/search/candidate.js';
import { attentionLine, bestOfLine } from '../../src/search/descent/attention-line.js';
import { type Candidate, createAlgorithm, type SearchProblem } from '../../src/search/index.js';
import { optimum, searchProblem } from './problem.js';

const PROBLEM = searchProblem();
const SEED = optimum(PROBLEM);
const parabola = (best: number) => (candidate: Candidate) => ({
  candidate,
  loss: 3 + 5 * Math.log(candidate.attentionFactor / best) ** 2,
});
const line = attentionLine(SEED, PROBLEM.defaultAttentionFactor);

test.each([0.8, 0.9, 1.05, 1.2])('the vertex of a parabola around %d is found from three losses', (best) => {
  expect(bestOfLine(line.map(parabola(best)))).toBeCloseTo(best, 12);
});

test('it is at most one gap outside, and one of the three where there is no minimum', () => {
  expect(bestOfLine(line.map(parabola(0.4)))).toBeCloseTo(0.85 ** 2, 12);
  const falling = line.map((candidate) => ({ candidate, loss: -(candidate.attentionFactor ** 3) }));
  expect(bestOfLine(falling)).toBe(PROBLEM.defaultAttentionFactor);
  const lost = line.map(parabola(1.3)).with(2, { candidate: line[2]!, loss: Number.POSITIVE_INFINITY });
  expect(bestOfLine(lost)).toBe(1);
});

/** Attention factors of the candidates that are asked for after the seeds, of which the first is best. */
function attentionAfterSeeds(problem: SearchProblem, hyperparameters: object): number[][] {
  const algorithm = createAlgorithm('gradient', problem, { start_sigma: 1e-12, ...hyperparameters }, 1);
  algorithm.tell(algorithm.ask().map((candidate, i) => ({ candidate, loss: 4 + i })));
  const asked = algorithm.ask();
  algorithm.tell(
    asked.map((candidate) => ({
      ...parabola(0.9)(candidate),
      gradient: { logFactors: new Array(problem.rotaryPairs).fill(0), logAttentionFactor: 0 },
    })),
  );
  return [asked, algorithm.ask()].map((candidates) => candidates.map(({ attentionFactor }) => attentionFactor));
}

test('a descent from a closed form starts at the vertex', () => {
  const [tried, start] = attentionAfterSeeds(PROBLEM, {});
  expect(tried).toEqual([0.85, 1, PROBLEM.defaultAttentionFactor]);
  expect(start![0]).toBeCloseTo(0.9, 12);
});

test('sets of the user keep their attention factor, and so does a search that holds it', () => {
  // The second after one step.
  const own = attentionAfterSeeds({ ...PROBLEM, starts: [makeCandidate([...SEED.factors], 1.3, 0)] }, {});
  expect(own.map(({ length }) => length)).toEqual([1, 1]);
  for (const [attention] of own) expect(attention).toBeCloseTo(1.3, 5);
  expect(attentionAfterSeeds(PROBLEM, { attention_factor: 1 })).toEqual([[1], [1]]);
});
