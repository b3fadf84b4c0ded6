import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import {
  factorVector,
  formatFactorCsv,
  formatFactorJson,
  longropeAttentionFactor,
  parseFactorFile,
} from '../../src/rope/index.js';

const FACTORS = path.resolve(import.meta.dirname, '../../../shared/data/factors');

interface Published {
  readonly file: string;
  readonly shape: string;
  readonly numbers: readonly number[];
}

const manifest = readFileSync(path.join(FACTORS, 'manifest.csv'), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line): Published => {
    const [file = '', shape = '', , ...numbers] = line.split(',');
    return { file, shape, numbers: numbers.map(Number) };
  });

const factorsArbitrary = fc
  .array(fc.double({ min: 1e-6, max: 1e300, noNaN: true }), { minLength: 2, maxLength: 70 })
  .map((values) => factorVector(values));

function problemsOf(text: string, rotaryPairs?: number): readonly string[] {
  try {
    parseFactorFile(text, rotaryPairs === undefined ? {} : { rotaryPairs });
  } catch (error) {
    if (error instanceof UserError)
      return error.problems.map(({ where, expected, found }) => `${where} | ${expected} | ${found}`);
    throw error;
  }
  throw new Error('expected a UserError, but it succeeded');
}

describe('published files', () => {
  it('are 84', () => expect(manifest.length).toBe(84));

  it.each(manifest)('$file ($shape)', ({ file, shape, numbers }) => {
    const columns = Number(shape.split('x').at(-1));
    const rotaryPairs = Math.min(columns, 64);
    const { factors, startTokens, ...silent } = parseFactorFile(readFileSync(path.join(FACTORS, file), 'utf8'), {
      rotaryPairs,
      name: file,
    });
    const [firstNumber, first, last, min, max, inversions] = numbers;
    const six = (value: number) => Number(value.toPrecision(6));
    expect(factors.length).toBe(rotaryPairs);
    expect([factors[0]!, factors.at(-1)!, Math.min(...factors), Math.max(...factors)].map(six)).toEqual([
      first,
      last,
      min,
      max,
    ]);
    expect(factors.filter((value, i) => i > 0 && value < factors[i - 1]!).length).toBe(inversions);
    expect(startTokens).toBe(columns === 65 ? firstNumber : 0);
    expect(silent).toEqual({ attentionFactor: null, originalLength: null, targetLength: null });
  });
});

describe('CSV', () => {
  it('reads back what was written, bit for bit', () => {
    fc.assert(
      fc.property(factorsArbitrary, (factors) => {
        expect(parseFactorFile(formatFactorCsv(factors)).factors).toEqual(factors);
      }),
    );
  });

  it('writes the shortest form', () => {
    expect(formatFactorCsv([1, 1.01, 32])).toBe('1\n1.01\n32\n');
  });

  it.each([
    ['one per line', '1\n1.5\n2\n'],
    ['no newline at the end, Windows lines, byte-order mark', '\uFEFF1\r\n1.5\r\n2'],
    ['a row', '1, 1.5 ,2'],
    ['padded columns', '      1.00000000,      1.50000000,      2.00000000\n'],
    ['spaces', '1 1.5\t2\n'],
    ['savetxt', '1.000000000000000000e+00\n1.500000000000000000e+00\n2.000000000000000000e+00\n'],
    ['equal layers', '1,1.5,2\n1,1.5,2\n\n1,1.5,2.0\n'],
    ['comments', '# made by hand\n1 # fast\n1.5\n+2.\n'],
    ['alpha and beta first', '0\n2\n1\n1.5\n2\n'],
    ['start tokens 0 first', '0,1,1.5,2'],
  ])('%s', (_, text) => {
    const set = parseFactorFile(text, { rotaryPairs: 3 });
    expect([...set.factors]).toEqual([1, 1.5, 2]);
    expect(set.startTokens).toBe(0);
  });

  it('start tokens are the first of n + 1 numbers', () => {
    expect(parseFactorFile('12\n1\n1.5\n2\n', { rotaryPairs: 3 })).toMatchObject({ startTokens: 12 });
    expect([...parseFactorFile('12\n1\n1.5\n2\n').factors]).toEqual([12, 1, 1.5, 2]);
  });

  it.each([
    [
      'layers that differ',
      '1,2\n1,3\n1,2\n9,2\n',
      2,
      ['line 2, column 2 | 2, as on line 1', 'line 4, column 1 | 1, as on line 1'],
    ],
    [
      'ragged rows',
      '1,2\n1\n1,2,3',
      2,
      ['line 2 | 2 numbers, as on line 1 | 1', 'line 3 | 2 numbers, as on line 1 | 3'],
    ],
    [
      'words, at their places',
      '1\ntwo\n3,,4',
      2,
      ['line 2, column 1 | a number | "two"', 'line 3, column 2 | a number | nothing'],
    ],
    ['nan, inf and hexadecimal', 'nan\ninf\n0x10', 3, ['line 1', 'line 2', 'line 3']],
    ['0, negative and overflowing factors', '0\n-1\n1\n1e999', 4, ['factors[0]', 'factors[1]', 'factors[3]']],
    [
      'a wrong count',
      '1\n2\n3',
      8,
      ['factors | 8 factors, one per rotary pair (or 9 numbers with start tokens first, 10'],
    ],
    ['start tokens that are no count', '1.5\n1\n2', 2, ['first number | start tokens']],
    ['alpha and beta that are none', '1.02\n1.05\n1\n2', 2, ['first two numbers | alpha and beta']],
    ['alpha above beta', '1\n0\n1\n2', 2, ['first two numbers | alpha and beta']],
    ['start tokens without a number of pairs', '0\n1\n2', undefined, ['factors[0] | a finite number above 0 | 0']],
    ['an empty file', ' \n', 2, ['text | rescale factors | an empty file']],
    ['only comments', '# nothing\n', 2, ['text | rescale factors | only comments']],
  ])('refuses %s', (_, text, pairs, expected) => {
    const problems = problemsOf(text, pairs);
    expect(problems.map((problem, i) => problem.slice(0, expected[i]?.length))).toEqual(expected);
  });

  it('names at most a hundred places, and refuses books', () => {
    expect(problemsOf('call me Ishmael\n'.repeat(1000)).length).toBe(100);
    expect(problemsOf('1\n'.repeat(3e6))[0]).toContain('at most 4194304 characters');
  });
});

describe('JSON', () => {
  const set = {
    factors: factorVector([1, 1.1, 7.9]),
    attentionFactor: 1.0625,
    startTokens: 4,
    originalLength: 256,
    targetLength: 2048,
  };

  it('reads back what was written, bit for bit', () => {
    const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });
    const count = fc.integer({ min: 2, max: 2 ** 21 });
    fc.assert(
      fc.property(
        fc.record({
          factors: factorsArbitrary,
          attentionFactor: maybe(fc.double({ min: 0.1, max: 4, noNaN: true })),
          startTokens: fc.nat(256),
          originalLength: maybe(count),
          targetLength: maybe(count),
        }),
        (any) => {
          expect(parseFactorFile(formatFactorJson(any), { rotaryPairs: any.factors.length })).toEqual({ ...any });
        },
      ),
    );
  });

  it('a plain array, and an object with factors alone', () => {
    const silent = { attentionFactor: null, startTokens: 0, originalLength: null, targetLength: null };
    expect(parseFactorFile('[1, 1.1, 7.9]')).toEqual({ ...silent, factors: set.factors });
    expect(parseFactorFile('{"factors": [1, 1.1, 7.9]}')).toEqual({ ...silent, factors: set.factors });
  });

  const block = { rope_type: 'longrope', short_factor: [1, 1, 1], long_factor: [1, 1.1, 7.9] };
  const longrope = (ratio: number) => longropeAttentionFactor(ratio, 256);
  it.each([
    [
      'a v4 config',
      { max_position_embeddings: 2048, original_max_position_embeddings: 256, rope_scaling: block },
      [256, 2048, longrope(8)],
    ],
    [
      'a v5 config',
      { max_position_embeddings: 2048, rope_parameters: { ...block, original_max_position_embeddings: 256 } },
      [256, 2048, longrope(8)],
    ],
    [
      'both, of which rope_scaling counts',
      {
        max_position_embeddings: 2048,
        rope_scaling: { ...block, original_max_position_embeddings: 256 },
        rope_parameters: { ...block, long_factor: [2, 2, 2] },
      },
      [256, 2048, longrope(8)],
    ],
    [
      'an attention factor',
      { max_position_embeddings: 2048, rope_scaling: { ...block, attention_factor: 1.5 } },
      [null, 2048, 1.5],
    ],
    [
      'a block',
      { ...block, type: 'su', rope_type: undefined, factor: 8, original_max_position_embeddings: 256 },
      [256, 2048, longrope(8)],
    ],
    ['a block of lists', { long_factor: block.long_factor }, [null, null, null]],
  ])('%s', (_, json, [originalLength, targetLength, attentionFactor]) => {
    expect(parseFactorFile(JSON.stringify(json), { rotaryPairs: 3 })).toEqual({
      factors: set.factors,
      startTokens: 0,
      originalLength,
      targetLength,
      attentionFactor,
    });
  });

  it.each([
    [
      'every bad value at once',
      '{"factors": [1, 0, "2", null], "attention_factor": -1, "start_tokens": 1.5, "target_length": 0, "colour": 1}',
      [
        'colour | one of the keys',
        'factors | 3 factors',
        'factors[1] | a finite number above 0 | 0',
        'factors[2] | a finite number above 0 | "2"',
        'factors[3] | a finite number above 0 | null',
        'attention_factor',
        'start_tokens',
        'target_length',
      ],
    ],
    [
      'a list in a config',
      '{"rope_scaling": {"long_factor": [1, -2, 3]}}',
      ['rope_scaling.long_factor[1] | a finite number above 0 | -2'],
    ],
    [
      'an original length of 1, once',
      '{"long_factor": [1, 2, 3], "original_max_position_embeddings": 1}',
      ['original_max_position_embeddings | a whole number of at least 2, or null | 1'],
    ],
    [
      'another type',
      '{"rope_scaling": {"type": "yarn", "long_factor": [1, 2, 3]}}',
      ['rope_scaling.type | "longrope"'],
    ],
    ['a config without lists', '{"rope_scaling": {"type": "yarn", "factor": 8}}', ['top level | a key "factors"']],
    [
      'a list per layer',
      '[[1, 2, 3], [1, 2, 3]]',
      ['factors | 3 factors', 'factors[0] | a finite number above 0 | a list of 3', 'factors[1]'],
    ],
    ['no list', '{"factors": 3}', ['factors | a list of factors | 3']],
    ['an empty list', '[]', ['factors | 3 factors']],
    ['damaged JSON', '{"factors": [1, 2', ['text | JSON']],
  ])('refuses %s', (_, text, expected) => {
    const problems = problemsOf(text, 3);
    expect(problems.map((problem, i) => problem.slice(0, expected[i]?.length))).toEqual(expected);
  });

  it('puts the name of the file in front of every place', () => {
    expect(() => parseFactorFile('[1, 0, -1]', { name: 'a.json' })).toThrow(
      /^a\.json: factors\[1\].*\na\.json: factors\[2\]/,
    );
  });
});
