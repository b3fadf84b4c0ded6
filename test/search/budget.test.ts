import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { parseBudget } from '../../src/search/index.js';

describe('parseBudget', () => {
  test.each([
    ['700evals', 'documents', 700],
    ['350documents', 'documents', 350],
    ['1_000 evaluations', 'documents', 1000],
    ['2e6tokens', 'tokens', 2e6],
    ['2Mtokens', 'tokens', 2e6],
    ['1.5Mtokens', 'tokens', 1.5e6],
    ['4.1Mtokens', 'tokens', 4_100_000],
    ['8.2Mtokens', 'tokens', 8_200_000],
    ['2.01Mtokens', 'tokens', 2_010_000],
    ['1800s', 'seconds', 1800],
    ['0.5min', 'seconds', 30],
    ['2h', 'seconds', 7200],
  ])('%s', (text, unit, amount) => expect(parseBudget(text)).toEqual({ unit, amount }));

  test.each([
    '',
    '700',
    '0evals',
    '-3evals',
    '1.5evals',
    '10minutos',
    'evals',
    '1e999tokens',
    'NaNs',
    '3 4evals',
    '7x',
  ])('refuses %j', (text) => {
    expect(() => parseBudget(text)).toThrow(UserError);
    expect(() => parseBudget(text)).toThrow(/700evals.*found/);
  });
});
