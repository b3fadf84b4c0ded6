import { describe, expect, it } from 'vitest';
import { encodeChoices } from '../../../src/evaluation/benchmarks/encode.js';
import { meanWithError, plainMean, weightedMean } from '../../../src/evaluation/benchmarks/mean.js';
import type { BenchmarkTask, Question } from '../../../src/evaluation/benchmarks/question.js';
import { taskResult } from '../../../src/evaluation/benchmarks/results.js';
import { scoreQuestion } from '../../../src/evaluation/benchmarks/score.js';
import { rejection } from '../../helpers/rejection.js';

const question = (choices: readonly string[], ...right: readonly number[]): Question => ({
  id: '0',
  prompt: '?',
  choices,
  right: choices.map((_, i) => right.includes(i)),
});
const ACCURACY = { scoring: 'accuracy', metrics: ['acc', 'acc_norm', 'acc_bytes'] } as const;

describe('scores of a question', () => {
  it('are those of the likeliest choice, per choice, character and byte', () => {
    // Sums -3, -4, -4.5; per code point -3, -4/2, -4.5/3; per byte -3, -4/8, -4.5/3.
    const choices = ['a', '😀😀', 'abc'];
    expect(scoreQuestion(ACCURACY, question(choices, 0), [-3, -4, -4.5])).toEqual({
      acc: 1,
      acc_norm: 0,
      acc_bytes: 0,
    });
    expect(scoreQuestion(ACCURACY, question(choices, 1), [-3, -4, -4.5])).toEqual({
      acc: 0,
      acc_norm: 0,
      acc_bytes: 1,
    });
    expect(scoreQuestion(ACCURACY, question(choices, 2), [-3, -4, -4.5])).toEqual({
      acc: 0,
      acc_norm: 1,
      acc_bytes: 0,
    });
  });

  it('give a tie to the first choice', () => {
    expect(scoreQuestion(ACCURACY, question(['a', 'b'], 0), [-2, -2])['acc']).toBe(1);
    expect(scoreQuestion(ACCURACY, question(['a', 'b'], 1), [-2, -2])['acc']).toBe(0);
  });

  it('of mc2 are the share of probability on right answers', () => {
    const mc2 = { scoring: 'probability-mass', metrics: ['acc'] } as const;
    const [a, b, c] = [0.2, 0.1, 0.5].map(Math.log) as [number, number, number];
    expect(scoreQuestion(mc2, question(['a', 'b', 'c'], 0, 1), [a, b, c])['acc']).toBeCloseTo(0.3 / 0.8, 14);
    expect(scoreQuestion(mc2, question(['a', 'b'], 0), [-2000, -2000])['acc']).toBeNaN();
  });
});

it('a question none of whose likelihoods is a number has no score, and neither has its task', () => {
  const questions = [question(['a', 'b'], 0), question(['a', 'b'], 0)];
  const task: BenchmarkTask = {
    ...{ name: 'arc', group: 'arc', version: '1', description: '', questions, pool: [], shots: 0, shotRule: 'first' },
    ...ACCURACY,
    headline: 'acc',
  };
  const answers = [
    { logLikelihoods: [-1, null], cut: 0 },
    { logLikelihoods: [null, null], cut: 0 },
  ];
  const { metrics, samples } = taskResult('none', task, answers, { prompts: null, bos: true });
  expect(samples.map(({ scores }) => scores['acc'])).toEqual([1, null]);
  expect(metrics['acc']?.value).toBeNull();
});

describe('means', () => {
  it('have the standard error of lm-evaluation-harness', () => {
    // lm_eval.api.metrics.mean_stderr([1, 0, 0, 1, 1, 0, 0, 0]) = 0.18298126367784995
    expect(meanWithError([1, 0, 0, 1, 1, 0, 0, 0])).toEqual({ value: 0.375, standardError: 0.18298126367784995 });
    expect(meanWithError([1]).standardError).toBeNaN();
  });

  it('of groups weigh questions or tasks', () => {
    const members = [
      { value: 0.25, standardError: 0.1, size: 20 },
      { value: 0.5, standardError: 0.05, size: 60 },
      { value: 0.75, standardError: 0.2, size: 5 },
    ];
    // aggregate_subtask_metrics, pooled_sample_stderr and unweighted_mean_stderr of lm_eval.api.metrics 0.4.13.
    const weighted = weightedMean(members);
    expect(weighted.value).toBeCloseTo(0.45588235294117646, 14);
    expect(weighted.standardError).toBeCloseTo(0.0439283360571715, 14);
    const plain = plainMean(members);
    expect(plain.value).toBeCloseTo(0.5, 14);
    expect(plain.standardError).toBeCloseTo(0.07637626158259735, 14);
  });
});

describe('token sequences', () => {
  /** One token per pair of characters: the end of a context may fall inside a token. */
  const pairs = {
    encode: (text: string) => Int32Array.from(text.match(/[\s\S]{1,2}/g) ?? [], (pair) => pair.charCodeAt(0)),
    decode: () => '<s>',
    vocabularySize: 256,
    bosTokenId: 1,
    eosTokenId: null,
    addsBos: false,
    hash: '',
  };
  const codes = (text: string) => [...text].map((character) => character.charCodeAt(0));
  const encode = (context: string, choice: string, maxLength = 100, addsBos = false) =>
    encodeChoices({ ...pairs, addsBos }, context, [choice], maxLength, 'here')[0]!;

  it('take from the whole what it has beyond as many tokens as the context', () => {
    // ab|c and ab|cd|ef
    const { ids, scoreFrom } = encode('abc', 'def');
    expect([...ids]).toEqual(codes('ace'));
    expect(scoreFrom).toBe(2);
  });

  it('may be longer than an argument list, BOS first', () => {
    const { ids, scoreFrom } = encode('ab'.repeat(200_000), 'cd', 1_000_000, true);
    expect([ids.length, ids[0], scoreFrom]).toEqual([200_002, 1, 200_001]);
  });

  it('move white space at the end of the context to the continuation', () => {
    const { ids, scoreFrom } = encode('ab\n ', 'cd');
    expect([...ids]).toEqual(codes('a\nc'));
    expect(scoreFrom).toBe(1);
  });

  it('begin with a BOS where the tokenizer adds one and the text has none', () => {
    expect([...encode('ab', 'cd', 100, true).ids]).toEqual([1, ...codes('ac')]);
    expect([...encode('<s>a', 'cd', 100, true).ids]).toEqual(codes('<>c'));
  });

  it('keep the last tokens when they are too many; the last of them is not fed', () => {
    const { ids, scoreFrom, cut } = encode('aabbccdd', 'ee', 2);
    expect([...ids]).toEqual(codes('cde'));
    expect([scoreFrom, cut]).toEqual([2, 2]);
  });

  it('without a scored token are refused', async () => {
    const error = await rejection(Promise.resolve().then(() => encode('abc', 'd')));
    expect(error.message).toMatch(/here, choice 1: expected 1 to 100 tokens, .*found 0/);
  });
});
