import { describe, expect, test } from 'vitest';
import type { FactorSet } from '../../src/rope/factor-set.js';
import { factorVector, isMonotone } from '../../src/rope/factor-vector.js';
import { stretchFactors } from '../../src/rope/stretch.js';
import { candidateKey, makeCandidate } from '../../src/search/candidate.js';
import {
  baselineCandidates,
  createAlgorithm,
  multiplierProblem,
  multiply,
  pullPenalty,
  SecondInterpolation,
  secondBaselines,
  startCandidates,
} from '../../src/search/index.js';
import type { Candidate } from '../../src/search/types.js';
import { optimum, searchProblem } from './problem.js';

const problem = searchProblem({ pairs: 8, ratio: 16 });
const set = (factors: readonly number[], changes: Partial<FactorSet> = {}): FactorSet => ({
  factors: factorVector(factors),
  attentionFactor: 1.05,
  startTokens: 0,
  originalLength: 256,
  targetLength: 2048,
  ...changes,
});
const eightfold = [1, 1, 1.02, 1.5, 4, 6.3, 6.3, 6.3];

describe('stretching', () => {
  test('multiplies the slowest pair by the ratio, leaves 1 alone and keeps the order', () => {
    const stretched = stretchFactors(factorVector(eightfold), 2) as NonNullable<ReturnType<typeof stretchFactors>>;
    expect(stretched[0]).toBe(1);
    expect(stretched.at(-1)).toBeCloseTo(12.6, 12);
    expect(stretched[2]).toBeCloseTo(1.02 ** (1 + Math.log(2) / Math.log(6.3)), 12);
    expect(isMonotone(stretched)).toBe(true);
  });

  test('has nothing to do where no factor is above 1', () => {
    expect(stretchFactors(factorVector([1, 0.9]), 2)).toBeNull();
  });
});

describe('start factors', () => {
  test('of a shorter length come as they are and stretched, those of the target once', () => {
    const starts = startCandidates(problem, [set(eightfold), set([1, 1, 1, 1, 2, 9, 12, 12], { targetLength: 4096 })]);
    expect(starts.map(({ factors }) => factors.at(-1))).toEqual([6.3, expect.closeTo(12.6, 12), 12]);
    expect(starts.every(({ attentionFactor }) => attentionFactor === 1.05)).toBe(true);
  });

  test.each([
    ['gradient', undefined, [1, 3, 2, 4, 5, 5, 5, 5]],
    ['gradient', { factors: 'monotone' }, [1, 3, 3, 4, 5, 5, 5, 5]],
    ['cma-es', undefined, [1, 3, 2, 4, 5, 5, 5, 5]],
    ['cma-es', { factors: 'monotone' }, [1, 3, 3, 4, 5, 5, 5, 5]],
    ['longrope', undefined, [1, 3, 3, 4, 5, 5, 5, 5]],
  ])(
    'are fitted to the space of %s (%j): bounded, and raised to the pair before where factors never decrease',
    (name, values, fitted) => {
      const bounded = { ...problem, maxFactor: 5 };
      const starts = startCandidates(bounded, [set([0.9, 3, 2, 4, 8, 8, 9, 9])]);
      const asked = createAlgorithm(name, { ...bounded, starts }, values, 1).ask();
      expect(asked.map(({ factors }) => [...factors])).toContainEqual(fitted);
    },
  );

  test('without an attention factor have that of the formula at their own length', () => {
    const [start] = startCandidates(problem, [set(eightfold, { attentionFactor: null })]);
    expect(start?.attentionFactor).toBeCloseTo(Math.sqrt(1 + Math.log(8) / Math.log(256)), 12);
  });

  test.each(['cma-es', 'longrope', 'gradient'])('are among the first that %s asks', (name) => {
    const starts = startCandidates(problem, [set(eightfold)]);
    const plain = createAlgorithm(name, problem, undefined, 1).ask();
    const started = createAlgorithm(name, { ...problem, starts }, undefined, 1).ask();
    const near = started.filter(({ factors }) => Math.abs((factors.at(-1) as number) - 6.3) < 0.01);
    expect(near.length).toBeGreaterThan(0);
    const asked = new Set(started.map(candidateKey));
    for (const seed of plain.slice(0, 3)) expect(asked).toContain(candidateKey(seed));
  });

  test.each(['cma-es', 'gradient'])(
    'in %s take an attention factor that is given, and have no start tokens',
    (name) => {
      const starts = startCandidates(problem, [set(eightfold)]);
      const asked = createAlgorithm(name, { ...problem, starts }, { attention_factor: 1.11 }, 1).ask();
      expect(asked.map(({ attentionFactor, startTokens }) => [attentionFactor, startTokens])).toEqual(
        Array.from({ length: 6 }, () => [1.11, 0]),
      );
    },
  );

  const ALL = ['cma-es', 'gradient', 'random', 'longrope', 'longrope2'];

  test.each(ALL)('in %s keep their start tokens where these can be chosen', (name) => {
    const starts = startCandidates(problem, [set(eightfold, { startTokens: 8 })]);
    const asked = createAlgorithm(name, { ...problem, starts, startTokens: [4, 8] }, undefined, 1).ask();
    const known = createAlgorithm(name, { ...problem, startTokens: [4, 8] }, undefined, 1)
      .ask()
      .map(candidateKey);
    const own = asked.filter((candidate) => !known.includes(candidateKey(candidate)));
    expect(own.map(({ startTokens }) => startTokens)).toContain(8);
    expect(asked.every(({ startTokens }) => [4, 8].includes(startTokens))).toBe(true);
  });

  test.each(ALL)('in %s are refused with start tokens that cannot be chosen, and those are named', (name) => {
    const starts = startCandidates(problem, [
      set(eightfold, { startTokens: 7 }),
      set(eightfold),
      set([1, 1, 1, 1, 2, 2, 2, 2], { startTokens: 9 }),
    ]);
    const create = (more: object) => createAlgorithm(name, { ...problem, starts, ...more }, undefined, 1);
    expect(() => create({})).toThrow(
      /^start factors: expected start tokens .*, found 7, 9; give --start-tokens 0,.*7,9$/,
    );
    expect(() => create({ startTokens: [0, 7] })).toThrow(/choose, 0, 7, found 9/);
    expect(() => create({ startTokens: [0, 7, 9] })).not.toThrow();
  });

  test('over a frozen set need not be able to choose what that has anyway', () => {
    const frozen = { ...makeCandidate(eightfold, 1.05, 4), length: 1024 };
    const started = { ...problem, starts: startCandidates(problem, [set(eightfold, { startTokens: 4 })]) };
    const algorithm = createAlgorithm('cma-es', multiplierProblem(started, frozen), undefined, 1);
    expect(new Set(algorithm.ask().map(({ startTokens }) => startTokens))).toEqual(new Set([0]));
  });

  test('may stand alone in cma-es', () => {
    const starts = startCandidates(problem, [set(eightfold)]);
    const values = { closed_forms: 'unless started' };
    expect(
      createAlgorithm('cma-es', { ...problem, starts }, values, 1)
        .ask()
        .map(candidateKey),
    ).toEqual(starts.map(candidateKey));
    expect(createAlgorithm('cma-es', problem, values, 1).ask()).toHaveLength(4);
  });

  test('lead to smaller steps in gradient than closed forms do', () => {
    const starts = startCandidates({ ...problem, targetLength: 2048 }, [set(eightfold)]);
    const start = starts[0] as Candidate;
    const movedBy = (scale: number) => {
      const values = { started_scale: scale };
      const algorithm = createAlgorithm('gradient', { ...problem, starts }, values, 1);
      algorithm.tell(algorithm.ask().map((candidate) => ({ candidate, loss: candidate.factors[4] === 4 ? 1 : 2 })));
      const [probe] = algorithm.ask();
      return Math.max(...start.factors.map((factor, pair) => Math.abs(Math.log((probe?.factors[pair] ?? 0) / factor))));
    };
    expect(movedBy(0.1)).toBeGreaterThan(0);
    expect(movedBy(0.1)).toBeLessThan(movedBy(1) / 5);
  });

  test('and a largest factor are refused by the released algorithms', () => {
    const starts = startCandidates(problem, [set(eightfold)]);
    expect(() => createAlgorithm('dim-mono', { ...problem, starts, maxFactor: 2 }, undefined, 1)).toThrow(
      /no start factors.*\n.*no largest factor/,
    );
  });
});

describe('second interpolation', () => {
  const frozen = { ...makeCandidate(eightfold, 1.05, 4), length: 2048 };

  test('searches multipliers of the ratio to the frozen length, and starts divided by the frozen set', () => {
    const starts = startCandidates(problem, [set([1, 1, 1.02, 1.5, 8, 12.6, 12.6, 12.6], { targetLength: 4096 })]);
    const multipliers = multiplierProblem({ ...problem, starts }, frozen);
    expect(multipliers.ratio).toBe(2);
    expect([...(multipliers.starts?.[0]?.factors ?? [])]).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
    expect(multipliers.defaultAttentionFactor * 1.05).toBeCloseTo(problem.defaultAttentionFactor, 12);
  });

  test.each(['monotone', 'free'] as const)(
    'asks products of the frozen factors and %s factors of at least 1',
    (order) => {
      const algorithm = new SecondInterpolation(
        frozen,
        createAlgorithm('cma-es', multiplierProblem(problem, frozen), { factors: order }, 1),
      );
      let ordered = true;
      for (let generation = 0; generation < 4; generation++) {
        const asked = algorithm.ask();
        for (const { factors, startTokens } of asked) {
          const multiplier = factors.map((factor, pair) => factor / (eightfold[pair] as number));
          expect(Math.min(...multiplier)).toBeGreaterThanOrEqual(1 - 1e-12);
          expect(Math.max(...multiplier)).toBeLessThanOrEqual(2.5 + 1e-12);
          ordered &&= multiplier.every((m, i) => i === 0 || m >= (multiplier[i - 1] as number) - 1e-12);
          expect(startTokens).toBe(4);
        }
        algorithm.tell(asked.map((candidate, i) => ({ candidate, loss: i })));
      }
      expect(ordered).toBe(order === 'monotone');
      for (const contender of algorithm.contenders()) {
        const { multiplier } = algorithm.partsOf(contender);
        expect(candidateKey(multiply(frozen, multiplier))).toBe(candidateKey(contender));
      }
    },
  );

  test('has no grid, on which products would not lie', () => {
    const over = (values: object) =>
      new SecondInterpolation(frozen, createAlgorithm('gradient', multiplierProblem(problem, frozen), values, 1));
    expect(() => over({ grid: 0.01 })).toThrow(/^hyper-parameters of gradient, grid: expected none over frozen/);
    expect(() => over({ grid: 'none' })).not.toThrow();
  });

  test('is compared with the frozen set and the closed forms over it', () => {
    const [none, pi] = secondBaselines(problem, frozen);
    expect([...(none?.candidate.factors ?? [])]).toEqual(eightfold);
    expect([...(pi?.candidate.factors ?? [])]).toEqual(eightfold.map((factor) => 2 * factor));
    expect(none?.candidate.attentionFactor).toBe(1.05);
  });
});

test('the pull is the weight times the mean of the squared logarithms', () => {
  expect(pullPenalty(0.5, { factors: factorVector([1, Math.E, Math.E ** 2, 1]) })).toBeCloseTo((0.5 * 5) / 4, 12);
  expect(pullPenalty(3, baselineCandidates(problem)[0]?.candidate as ReturnType<typeof optimum>)).toBe(0);
  expect(pullPenalty(1, optimum(problem))).toBeGreaterThan(0);
});
