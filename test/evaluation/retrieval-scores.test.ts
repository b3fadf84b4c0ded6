import { describe, expect, it } from 'vitest';
import {
  countFound,
  effectiveLengths,
  evaluationRecordSchema,
  firstNumber,
  RULER_THRESHOLD,
  rulerAverages,
  scoreTrial,
  taskScore,
  wilsonInterval,
} from '../../src/evaluation/index.js';

const row = (answer: string, ...expected: string[]) => ({ id: '0', depth: 0.5, promptTokens: 248, expected, answer });

describe('passkey scores', () => {
  it.each([
    [' 12345', true, true],
    [' 12345. Remember it.', true, true],
    ['\n 12345', true, true],
    [': the key is 12345, not 5', true, true],
    [' 123456', false, false],
    [' 1 12345', false, false],
    [' hidden.\nThe pass key is 12345', false, true],
    [' 12 345', false, false],
    ['', false, false],
    [' no number', false, false],
  ])('%j: paper %s, released %s', (answer, paper, released) => {
    expect(scoreTrial(row(answer, '12345'), 'paper').correct).toBe(paper);
    expect(scoreTrial(row(answer, '12345'), 'released').correct).toBe(released);
  });

  it('first number', () => {
    expect(firstNumber('a 007, 8')).toBe('007');
    expect(firstNumber('none')).toBeNull();
  });
});

describe('needle scores', () => {
  it('count each expected string anywhere and want all', () => {
    expect(scoreTrial(row(' 1234567 and 7654321', '7654321', '1234567'), 'needle')).toMatchObject({
      found: 2,
      correct: true,
    });
    expect(scoreTrial(row(' 1234567', '7654321', '1234567'), 'needle')).toMatchObject({ found: 1, correct: false });
  });
});

describe('RULER scores', () => {
  it('string_match_all: any case, inside other text', () => {
    expect(countFound('1. Apple 2. pineAPPLE', ['apple', 'PINE', 'pear'])).toBe(2);
  });

  const sample = (score: number) => ({ id: '0', promptTokens: 1, expected: ['x'], answer: '', score });
  const results = [
    { method: 'a', length: 4096, task: 'vt', samples: [sample(1), sample(0.8)] },
    { method: 'a', length: 4096, task: 'cwe', samples: [sample(0.9), sample(0.724)] },
    { method: 'a', length: 8192, task: 'vt', samples: [sample(1), sample(0.2)] },
    { method: 'b', length: 4096, task: 'vt', samples: [sample(0)] },
  ];

  it('average over tasks alike, and the longest length that reaches the threshold', () => {
    expect(taskScore(results[0]?.samples ?? [])).toBe(90);
    const averages = rulerAverages(results);
    expect(averages).toEqual([
      { method: 'a', length: 4096, average: expect.closeTo(85.6, 9) },
      { method: 'a', length: 8192, average: 60 },
      { method: 'b', length: 4096, average: 0 },
    ]);
    const lengths = (threshold: number) => effectiveLengths(averages, threshold).map(({ length }) => length);
    expect(lengths(85.5)).toEqual([4096, null]);
    expect(lengths(60)).toEqual([8192, null]);
    expect(lengths(85.7)).toEqual([null, null]);
    expect(effectiveLengths([{ method: 'a', length: 4096, average: 85.6 }], RULER_THRESHOLD)).toEqual([
      { method: 'a', length: 4096 },
    ]);
  });
});

describe('Wilson interval', () => {
  // Written out in Python with the quantile of statistics.NormalDist().
  it.each([
    [8, 10, 0.490162, 0.943318],
    [0, 10, 0, 0.277533],
    [10, 10, 0.722467, 1],
    [1, 1, 0.206549, 1],
    [57, 100, 0.472154, 0.662667],
  ])('%i of %i', (hits, trials, low, high) => {
    const interval = wilsonInterval(hits, trials, 0.95);
    expect(interval?.low).toBeCloseTo(low, 5);
    expect(interval?.high).toBeCloseTo(high, 5);
  });

  it('needs trials', () => {
    expect(wilsonInterval(0, 0)).toBeNull();
  });
});

it('records keep to their schema', () => {
  const header = {
    format: 'longrope-evaluation/1',
    version: '0',
    engine: 'e',
    command: 'c',
    model: { path: 'm', sha256: '0'.repeat(64), originalLength: 256 },
    tokenizer: { path: 'm', sha256: '0'.repeat(64) },
    factorFiles: [],
    inputs: [],
    protocol: 'p',
    notes: [],
  };
  const trial = scoreTrial(row(' 12345', '12345'), 'paper');
  const record = { ...header, kind: 'passkey', results: [{ method: 'none', length: 256, trials: [trial] }] };
  expect(evaluationRecordSchema.parse(record)).toEqual(record);
});
