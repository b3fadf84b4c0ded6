import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { parseRopeConfig } from '../../src/model/rope-config.js';
import { attentionFactorOf, baseInverseFrequency, longropeAttentionFactor, resolveRope } from '../../src/rope/index.js';

type Config = Record<string, unknown>;

const PAIRS = 4;
const parse = (config: Config, headDim = 2 * PAIRS) =>
  parseRopeConfig({ max_position_embeddings: 4096, ...config }, { headDim });

function refusal(config: Config, headDim = 2 * PAIRS): UserError {
  try {
    parse(config, headDim);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('expected a UserError, but it succeeded');
}

const ones = [1, 1, 1, 1];
const long = [1, 1.5, 4, 8];
const LONGROPE = { rope_type: 'longrope', short_factor: ones, long_factor: long };
const ORIGINAL = { original_max_position_embeddings: 1024 };
const LLAMA3 = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };

describe('defaults and precedence', () => {
  it('nothing but a length is the default RoPE', () => {
    expect(parse({})).toEqual({
      geometry: { theta: 10_000, headDim: 8, rotaryDim: 8 },
      scaling: { type: 'default' },
      originalLength: 4096,
      maxPositionEmbeddings: 4096,
    });
    expect(parse({ rope_scaling: null, rope_parameters: null })).toEqual(parse({}));
    expect(parse({ rope_scaling: {}, rope_parameters: { rope_theta: 500 } }).geometry.theta).toBe(500);
  });

  it.each([
    ['v4', { rope_theta: 5e5 }, 5e5],
    ['v5', { rope_parameters: { rope_theta: 5e5 } }, 5e5],
    ['the dict before the top level', { rope_theta: 1e6, rope_parameters: { rope_theta: 5e5 } }, 5e5],
    ['the top level for a dict without', { rope_theta: 1e6, rope_parameters: { rope_type: 'default' } }, 1e6],
    ['null is absent', { rope_theta: 1e6, rope_parameters: { rope_theta: null } }, 1e6],
  ])('theta: %s', (_, config, theta) => {
    expect(parse(config).geometry.theta).toBe(theta);
  });

  it('partial rotary factor, from either place', () => {
    expect(parse({ partial_rotary_factor: 0.5 }).geometry.rotaryDim).toBe(4);
    expect(
      parse({ partial_rotary_factor: 1, rope_parameters: { partial_rotary_factor: 0.5 } }).geometry.rotaryDim,
    ).toBe(4);
    // int(96 * 0.3) = int(28.8)
    expect(parse({ partial_rotary_factor: 0.3 }, 96).geometry.rotaryDim).toBe(28);
  });

  it('rope_scaling wins over rope_parameters', () => {
    const both = {
      rope_scaling: { type: 'linear', factor: 2, rope_theta: 1e4 },
      rope_parameters: { rope_type: 'linear', factor: 4, rope_theta: 1e4 },
    };
    expect(parse(both).scaling).toEqual({ type: 'linear', factor: 2 });
  });

  it('a theta that only rope_parameters knows is not lost', () => {
    const error = refusal({ rope_scaling: { type: 'linear', factor: 2 }, rope_parameters: { rope_theta: 5e5 } });
    expect(error.message).toContain(
      'rope_scaling.rope_theta: expected the value of rope_parameters.rope_theta (500000)',
    );
  });

  it.each([
    ['top level', { ...ORIGINAL }, {}, 1024],
    ['dict', {}, { original_max_position_embeddings: 2048 }, 2048],
    ['top level before dict', { ...ORIGINAL }, { original_max_position_embeddings: 2048 }, 1024],
    ['neither', {}, {}, 4096],
  ])('original length of yarn and llama3: %s', (_, top, inside, expected) => {
    for (const block of [{ rope_type: 'yarn', factor: 4 }, LLAMA3]) {
      const spec = parse({ ...top, rope_scaling: { ...block, ...inside } });
      expect(spec.originalLength).toBe(expected);
      expect(spec.scaling).toMatchObject({ originalLength: expected });
    }
  });

  it('other types are measured against max_position_embeddings, and never against the sliding window', () => {
    const spec = parse({ ...ORIGINAL, sliding_window: 512, rope_scaling: { type: 'dynamic', factor: 2 } });
    expect(spec).toMatchObject({
      originalLength: 4096,
      scaling: { type: 'dynamic', factor: 2, maxPositionEmbeddings: 4096 },
    });
  });
});

describe('types', () => {
  it('yarn with everything, and with its defaults', () => {
    const all = {
      rope_type: 'yarn',
      factor: 4,
      beta_fast: 16,
      beta_slow: 2,
      truncate: false,
      attention_factor: 1.1,
      mscale: 0.7,
      mscale_all_dim: 1,
      finetuned: true,
    };
    expect(parse({ rope_parameters: { ...all, ...ORIGINAL } }).scaling).toEqual({
      type: 'yarn',
      factor: 4,
      originalLength: 1024,
      betaFast: 16,
      betaSlow: 2,
      truncate: false,
      attentionFactor: 1.1,
      mscale: 0.7,
      mscaleAllDim: 1,
    });
    expect(parse({ rope_parameters: { type: 'yarn', factor: 4 } }).scaling).toEqual({
      type: 'yarn',
      factor: 4,
      originalLength: 4096,
      betaFast: 32,
      betaSlow: 1,
      truncate: true,
    });
  });

  it('llama3', () => {
    expect(parse({ rope_scaling: { ...LLAMA3, ...ORIGINAL } }).scaling).toEqual({
      type: 'llama3',
      factor: 8,
      originalLength: 1024,
      lowFreqFactor: 1,
      highFreqFactor: 4,
    });
  });

  it.each([
    ['ratio of the lengths', { ...ORIGINAL }, {}, 4, longropeAttentionFactor(4, 1024)],
    ['given factor', { ...ORIGINAL }, { factor: 4 }, 4, longropeAttentionFactor(4, 1024)],
    ['factor without an original length', {}, { factor: 4 }, 4, longropeAttentionFactor(4, 4096)],
    [
      'attention factor, which makes the factor irrelevant',
      { ...ORIGINAL },
      { factor: 8, attention_factor: 1.05 },
      8,
      1.05,
    ],
    ['older name', { ...ORIGINAL }, { rope_type: undefined, type: 'su' }, 4, longropeAttentionFactor(4, 1024)],
    ['both names', { ...ORIGINAL }, { type: 'su' }, 4, longropeAttentionFactor(4, 1024)],
    ['equal mscales', { ...ORIGINAL }, { attention_factor: 1.05, short_mscale: 1.05, long_mscale: 1.05 }, 4, 1.05],
  ])('longrope: %s', (_, top, inside, factor, attention) => {
    const { scaling } = parse({ ...top, rope_scaling: { ...LONGROPE, ...inside } });
    if (scaling.type !== 'longrope') throw new Error(scaling.type);
    expect([scaling.factor, attentionFactorOf(scaling)]).toEqual([factor, attention]);
    expect([[...scaling.shortFactor], [...scaling.longFactor]]).toEqual([ones, long]);
  });

  it('proportional spreads over the whole head and leaves the last pairs still', () => {
    const { geometry, scaling } = parse({
      rope_parameters: { rope_type: 'proportional', rope_theta: 1e4, partial_rotary_factor: 0.6, factor: 2 },
    });
    expect(geometry).toEqual({ theta: 1e4, headDim: 8, rotaryDim: 8, rotatingPairs: 2 });
    expect([...baseInverseFrequency(geometry)]).toEqual([1, 0.1, 0, 0]);
    expect([...resolveRope(geometry, scaling, 4096).inverseFrequency]).toEqual([0.5, 0.05, 0, 0]);
  });

  it('the tiny model and the LongRoPE2 example have what their configs say', () => {
    const tiny = path.resolve(import.meta.dirname, '../../../shared/models/tiny-pg19/config.json');
    const config = JSON.parse(readFileSync(tiny, 'utf8')) as Config;
    expect(parseRopeConfig(config, { headDim: 64 })).toMatchObject({
      geometry: { theta: 1e4, rotaryDim: 64 },
      originalLength: 256,
    });
    const nnScaler = {
      max_position_embeddings: 131_072,
      original_max_position_embeddings: 8192,
      rope_theta: 500_000,
      rope_scaling: { type: 'longrope', short_factor: ones, long_factor: long },
    };
    const { scaling } = parse(nnScaler);
    expect(attentionFactorOf(scaling)).toBeCloseTo(1.1435, 4);
  });
});

describe('refusals', () => {
  it.each<[string, Config, readonly string[]]>([
    [
      'no length',
      { max_position_embeddings: undefined },
      ['max_position_embeddings: expected a whole number of at least 2, found nothing'],
    ],
    [
      'bad lengths',
      { max_position_embeddings: 0.5, original_max_position_embeddings: -1, rope_scaling: { ...LLAMA3 } },
      [
        'max_position_embeddings: expected a whole number of at least 2, found 0.5',
        'original_max_position_embeddings: expected a whole number of at least 2, found -1',
      ],
    ],
    [
      'bad theta and partial',
      { rope_theta: 1, partial_rotary_factor: 1.5 },
      [
        'rope_theta: expected a number above 1, found 1',
        'partial_rotary_factor: expected a number in (0, 1], found 1.5',
      ],
    ],
    [
      'text for numbers',
      { rope_scaling: { type: 'linear', factor: '8' } },
      ['rope_scaling.factor: expected a number of at least 1, found "8"'],
    ],
    [
      'an odd rotary width',
      { partial_rotary_factor: 0.4 },
      ['partial_rotary_factor: expected a share of the head (8) that gives an even number'],
    ],
    [
      'missing keys, all of them',
      { rope_scaling: { rope_type: 'llama3' } },
      ['rope_scaling.factor', 'rope_scaling.low_freq_factor', 'rope_scaling.high_freq_factor'],
    ],
    [
      'llama3 factors in the wrong order',
      { rope_scaling: { ...LLAMA3, high_freq_factor: 1 } },
      ['rope_scaling.high_freq_factor: expected a number above low_freq_factor (1)'],
    ],
    [
      'betas in the wrong order',
      { rope_scaling: { type: 'yarn', factor: 2, beta_fast: 1, beta_slow: 2 } },
      ['rope_scaling.beta_fast: expected a number of at least beta_slow (2)'],
    ],
    [
      'keys that the type does not read',
      { rope_parameters: { rope_type: 'yarn', factor: 2, beta_fst: 16 } },
      ['rope_parameters.beta_fst: expected only keys that this type reads (rope_type,'],
    ],
    [
      'a factor without a type',
      { rope_parameters: { factor: 8 } },
      ['rope_parameters.factor: expected only keys that this type reads'],
    ],
    ['a block that is none', { rope_scaling: 'yarn' }, ['rope_scaling: expected an object or null, found "yarn"']],
    [
      'two types',
      { rope_scaling: { rope_type: 'linear', type: 'yarn', factor: 2 } },
      ['rope_scaling.type: expected the same as rope_type (linear), found "yarn"'],
    ],
    [
      'longrope, everything at once',
      {
        rope_theta: -1,
        rope_scaling: { ...LONGROPE, short_factor: [1, 1], long_factor: [1, -2, 'x', null], factor: 0.5 },
      },
      [
        'rope_theta',
        'rope_scaling.factor',
        'rope_scaling.short_factor: expected 4 factors, one per rotary pair, found 2',
        'rope_scaling.long_factor[1]: expected a finite number above 0, found -2',
        'rope_scaling.long_factor[2]',
        'rope_scaling.long_factor[3]',
      ],
    ],
    [
      'longrope without lists',
      { ...ORIGINAL, rope_scaling: { type: 'longrope' } },
      ['rope_scaling.short_factor: expected a list of numbers, found nothing', 'rope_scaling.long_factor'],
    ],
    [
      'longrope without original length and factor',
      { rope_scaling: LONGROPE },
      ['rope_scaling.original_max_position_embeddings: expected the original length'],
    ],
    [
      'a longrope factor that engines read differently',
      { ...ORIGINAL, rope_scaling: { ...LONGROPE, factor: 8 } },
      ['rope_scaling.factor: expected max_position_embeddings / original_max_position_embeddings (4)'],
    ],
    [
      'mscales that engines read differently',
      { ...ORIGINAL, rope_scaling: { ...LONGROPE, long_mscale: 1.5 } },
      ['rope_scaling.long_mscale: expected the attention factor ('],
    ],
  ])('%s', (_, config, expected) => {
    const error = refusal(config);
    expect(error.kind).toBe('input');
    expect(error.message.split('\n').map((line, i) => line.slice(0, expected[i]?.length))).toEqual(expected);
  });

  it.each([
    [
      'another type',
      { rope_scaling: { rope_type: 'mrope' } },
      'rope_scaling.rope_type: expected one of default, linear,',
    ],
    [
      'a type named like a method',
      { rope_scaling: { type: 'constructor' } },
      'rope_scaling.type: expected one of default',
    ],
    [
      'one RoPE per layer type',
      { rope_parameters: { full_attention: { rope_theta: 1e6 }, sliding_attention: null } },
      'rope_parameters: expected one RoPE for all layers, found one per layer type (full_attention)',
    ],
    [
      'layer types without RoPE',
      { layer_types: ['full_attention'], rope_parameters: { full_attention: null } },
      'rope_parameters: expected one RoPE for all layers',
    ],
    [
      'another base for local layers',
      { rope_local_base_freq: 1e4 },
      'rope_local_base_freq: expected one RoPE for all layers',
    ],
  ])('%s is unsupported', (_, config, message) => {
    const error = refusal(config);
    expect(error.kind).toBe('unsupported');
    expect(error.message).toContain(message);
  });

  it('whatever stands in a config, the answer is a spec with sound numbers or a UserError', () => {
    const keys = [
      'type',
      'rope_type',
      'factor',
      'short_factor',
      'long_factor',
      'rope_theta',
      'beta_fast',
      'partial_rotary_factor',
      'low_freq_factor',
      'original_max_position_embeddings',
    ];
    const value = fc.oneof(
      fc.constantFrom('yarn', 'longrope', 'dynamic', 'linear', null, ones, long),
      fc.double(),
      fc.jsonValue(),
    );
    const block = fc.dictionary(fc.constantFrom(...keys), value);
    fc.assert(
      fc.property(
        fc.record({ rope_scaling: block, rope_parameters: block, rope_theta: value }, { requiredKeys: [] }),
        (config) => {
          try {
            const { geometry, scaling } = parse({ ...config });
            const { inverseFrequency, attentionFactor } = resolveRope(geometry, scaling, 8192);
            expect(inverseFrequency.length).toBe(geometry.rotaryDim / 2);
            expect(inverseFrequency.every((frequency) => Number.isFinite(frequency) && frequency >= 0)).toBe(true);
            expect(attentionFactor > 0).toBe(true);
          } catch (error) {
            if (!(error instanceof UserError)) throw error;
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
