import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { parseRopeConfig } from '../../src/model/rope-config.js';
import { resolveRope } from '../../src/rope/index.js';

type Config = Record<string, unknown>;

const parse = (config: Config) => parseRopeConfig({ max_position_embeddings: 4096, ...config }, { headDim: 8 });

function refusal(config: Config): UserError {
  try {
    parse(config);
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

describe('a RoPE config', () => {
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
      ['rope_scaling.type: expected the same as rope_type ("linear"), found "yarn"'],
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
