import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRopeConfig } from '../../src/model/rope-config.js';
import { attentionFactorOf, baseInverseFrequency, longropeAttentionFactor, resolveRope } from '../../src/rope/index.js';

type Config = Record<string, unknown>;

const PAIRS = 4;
const parse = (config: Config, headDim = 2 * PAIRS) =>
  parseRopeConfig({ max_position_embeddings: 4096, ...config }, { headDim });

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
    expect(() => parse({ rope_scaling: { type: 'linear', factor: 2 }, rope_parameters: { rope_theta: 5e5 } })).toThrow(
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
    expect([...baseInverseFrequency(geometry)]).toEqual([1, Math.fround(0.1), 0, 0]);
    expect([...resolveRope(geometry, scaling, 4096).inverseFrequency]).toEqual([0.5, Math.fround(0.05), 0, 0]);
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
