import { describe, expect, test } from 'vitest';
import { makeCandidate } from '../../src/search/candidate.js';
import { type Candidate, createAlgorithm, type SearchProblem } from '../../src/search/index.js';
import { attentionLine, bestOfLine } from '../../src/search/seeding/attention-line.js';
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

const NAMES = ['gradient', 'cma-es'] as const;

/** A descent is asked for its start, with next to no noise around it; a population has its mean there. */
const SETTINGS = { gradient: { start_sigma: 1e-12 }, 'cma-es': {} };

/** Attention factors of the candidates that are asked for after the seeds, of which the first is best, and of where the search starts then. */
function attentionAfterSeeds(name: (typeof NAMES)[number], problem: SearchProblem, hyperparameters: object) {
  const algorithm = createAlgorithm(name, problem, { ...SETTINGS[name], ...hyperparameters }, 1);
  const losses = (candidates: readonly Candidate[]) => candidates.map(parabola(0.9));
  algorithm.tell(algorithm.ask().map((candidate, i) => ({ candidate, loss: 4 + i })));
  const [start] = algorithm.contenders();
  const asked = algorithm.ask();
  if (asked.length === 3) algorithm.tell(losses(asked));
  const [after] = algorithm.contenders();
  return { asked: asked.map(({ attentionFactor }) => attentionFactor), start, after };
}

describe.each(NAMES)('%s', (name) => {
  test('starts from a closed form at the vertex', () => {
    const { asked, after } = attentionAfterSeeds(name, PROBLEM, {});
    expect(asked).toEqual([0.85, 1, PROBLEM.defaultAttentionFactor]);
    expect(after!.attentionFactor).toBeCloseTo(0.9, 12);
  });

  test('keeps the attention factor of a set of the user, and one that it is to hold', () => {
    const own = { ...PROBLEM, starts: [makeCandidate([...SEED.factors], 1.3, 0)] };
    for (const [problem, values, attention] of [
      [own, {}, 1.3],
      [PROBLEM, { attention_factor: 1 }, 1],
    ] as const) {
      const { asked, start } = attentionAfterSeeds(name, problem, values);
      expect(asked).toHaveLength(name === 'cma-es' ? 10 : 1);
      expect(start!.attentionFactor).toBeCloseTo(attention, 12);
    }
  });
});
