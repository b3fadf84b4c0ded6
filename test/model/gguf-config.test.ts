import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../src/model/index.js';
import { readGgufRope } from '../../src/workflow/gguf-rope-source.js';
import { floatBytes } from '../helpers/float-bytes.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { randomTensors, TINY_CONFIG } from '../helpers/tiny-checkpoint.js';
import { ggufBytes, ggufTensors, llamaMetadata, type TypedValue } from '../helpers/write-gguf.js';
import type { RawTensor } from '../helpers/write-safetensors.js';

interface Changes {
  readonly config?: Record<string, unknown>;
  /** Laid over the metadata; keys without their `llama.` prefix. */
  readonly metadata?: Record<string, TypedValue>;
  readonly drop?: RegExp;
  readonly factors?: Record<string, readonly number[]>;
  /** What the file claims token_embd.weight to be. */
  readonly embeddingType?: string;
}

async function loadLlama({ config, metadata = {}, drop, factors = {}, embeddingType }: Changes = {}) {
  const merged = { ...TINY_CONFIG, ...config };
  const lists = Object.entries(factors).map(
    ([name, values]): RawTensor => ({
      name: `${name}.weight`,
      dtype: 'F32',
      shape: [values.length],
      bytes: floatBytes(Float32Array.from(values), 'F32'),
    }),
  );
  const added = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`llama.${key}`, value]));
  const kept = Object.entries({ ...llamaMetadata(merged), ...added }).filter(([key]) => !drop?.test(key));
  const file = path.join(await temporaryFolder(), 'model.gguf');
  const tensors = ggufTensors(randomTensors(merged)).map((tensor) =>
    embeddingType !== undefined && tensor.name === 'token_embd.weight' ? { ...tensor, dtype: embeddingType } : tensor,
  );
  await writeFile(file, ggufBytes(Object.fromEntries(kept), [...tensors, ...lists]));
  return loadModel(file);
}

describe('metadata', () => {
  it('becomes the spec and a config', async () => {
    const { spec, config, tensors } = await loadLlama();
    expect(spec).toMatchObject({
      layers: 2,
      headDim: 8,
      keyValueHeads: 2,
      normEpsilon: 1e-5,
      tiedEmbeddings: false,
      rotaryPairing: 'adjacent',
    });
    expect(config).toMatchObject({
      hidden_size: 32,
      rms_norm_eps: 1e-5,
      max_position_embeddings: 64,
      rope_scaling: null,
      bos_token_id: 1,
    });
    expect(tensors.get('model.layers.1.mlp.down_proj.weight')!.shape).toEqual([32, 48]);
  });

  it('that is optional may be absent', async () => {
    const { spec } = await loadLlama({
      config: { num_key_value_heads: 4 },
      drop: /head_count_kv|vocab_size|freq_base|dimension_count/,
    });
    expect(spec).toMatchObject({ keyValueHeads: 4, vocabularySize: 96 });
    expect(spec.rope.geometry).toEqual({ theta: 10_000, headDim: 8, rotaryDim: 8 });
  });

  it('that is missing is named by its GGUF key', async () => {
    const { problems } = await rejection(loadLlama({ drop: /block_count|feed_forward/ }));
    expect(problems.map(({ where }) => where.replace(/.*gguf: /, ''))).toEqual([
      'llama.block_count',
      'llama.feed_forward_length',
    ]);
  });

  it('without the size of the vocabulary names the type of embeddings that cannot be read', async () => {
    const drop = /vocab_size/;
    expect((await loadLlama({ drop })).spec.vocabularySize).toBe(96);
    const { problems } = await rejection(loadLlama({ drop, embeddingType: 'IQ4_XS' }));
    expect(problems).toMatchObject([{ where: expect.stringContaining('token_embd.weight'), found: 'IQ4_XS' }]);
  });

  it('tells tied embeddings, biases and head sizes', async () => {
    expect((await loadLlama({ config: { tie_word_embeddings: true } })).spec.tiedEmbeddings).toBe(true);
    expect((await loadLlama({ config: { attention_bias: true, mlp_bias: true } })).spec).toMatchObject({
      mlpBias: true,
      attentionBias: { output: true },
    });
    const wide = await loadLlama({
      config: { head_dim: 16 },
      metadata: { 'attention.key_length': { u32: 16 }, 'attention.value_length': { u32: 16 } },
    });
    expect(wide.spec).toMatchObject({ headDim: 16, attentionScale: 1 / 4 });
  });

  it('with a sliding window is a mistral', async () => {
    const { spec, config } = await loadLlama({ metadata: { 'attention.sliding_window': { u32: 16 } } });
    expect(spec).toMatchObject({
      architecture: 'mistral',
      slidingWindow: [16, 16],
      rotaryPairing: 'adjacent',
      keyValueHeads: 2,
    });
    expect(config).toMatchObject({ model_type: 'mistral', sliding_window: 16 });
  });

  it('with fewer rotary dimensions gives partial_rotary_factor', async () => {
    const { config, spec } = await loadLlama({ metadata: { 'rope.dimension_count': { u32: 4 } } });
    expect(config['partial_rotary_factor']).toBe(0.5);
    expect(spec.rope.geometry.rotaryDim).toBe(4);
    expect((await rejection(loadLlama({ metadata: { 'rope.dimension_count': { u32: 12 } } }))).message).toContain(
      'at most the head size (8)',
    );
  });

  it('that no config can say is refused', async () => {
    const { kind, problems } = await rejection(
      loadLlama({
        metadata: {
          expert_count: { u32: 8 },
          logit_scale: { f32: 0.5 },
          'attention.key_length': { u32: 8 },
          'attention.value_length': { u32: 4 },
        },
      }),
    );
    expect(kind).toBe('unsupported');
    expect(problems.map(({ where }) => where.replace(/.*llama\./, ''))).toEqual([
      'expert_count',
      'logit_scale',
      'attention.value_length',
    ]);
  });
});

describe('rope.scaling', () => {
  const scaling = async (changes: Changes) => (await loadLlama(changes)).config['rope_scaling'];
  const type = (name: string) => ({ 'rope.scaling.type': { string: name } });

  it('linear by name, by default and by its old key', async () => {
    const expected = { rope_type: 'linear', factor: 4 };
    expect(await scaling({ metadata: { ...type('linear'), 'rope.scaling.factor': { f32: 4 } } })).toEqual(expected);
    expect(await scaling({ metadata: { 'rope.scaling.factor': { f32: 4 } } })).toEqual(expected);
    expect(await scaling({ metadata: { 'rope.scale_linear': { f32: 4 } } })).toEqual(expected);
    expect(await scaling({ metadata: { ...type('none'), 'rope.scaling.factor': { f32: 4 } } })).toBeNull();
  });

  it('yarn, with llama.cpp multiplying its own attention factor', async () => {
    const yarn = {
      ...type('yarn'),
      'rope.scaling.factor': { f32: 4 },
      'rope.scaling.original_context_length': { u32: 16 },
    };
    expect(await scaling({ metadata: yarn })).toEqual({
      rope_type: 'yarn',
      factor: 4,
      original_max_position_embeddings: 16,
    });
    expect(
      await scaling({
        metadata: { ...yarn, 'rope.scaling.attn_factor': { f32: 0.5 }, 'rope.scaling.yarn_beta_fast': { f32: 16 } },
      }),
    ).toEqual({
      rope_type: 'yarn',
      factor: 4,
      original_max_position_embeddings: 16,
      beta_fast: 16,
      attention_factor: 0.5 * (0.1 * Math.log(4) + 1),
    });
    const refused = await rejection(
      loadLlama({ metadata: { ...yarn, 'rope.scaling.yarn_log_multiplier': { f32: 0.1 } } }),
    );
    expect(refused.message).toContain('llama.rope.scaling.yarn_log_multiplier');
  });

  const LISTS = { rope_factors_short: [1, 1, 1.5, 2], rope_factors_long: [1, 1.1, 3.3, 4] };
  const LONGROPE = {
    ...type('longrope'),
    'rope.scaling.original_context_length': { u32: 16 },
    'rope.scaling.attn_factor': { f32: 1.25 },
  };

  it('longrope with its lists and attention factor', async () => {
    const { config } = await loadLlama({ metadata: LONGROPE, factors: LISTS });
    expect(config['original_max_position_embeddings']).toBe(16);
    expect(config['rope_scaling']).toEqual({
      rope_type: 'longrope',
      short_factor: LISTS.rope_factors_short,
      long_factor: LISTS.rope_factors_long,
      original_max_position_embeddings: 16,
      factor: 4,
      attention_factor: 1.25,
    });
  });

  it('longrope with a factor divides once more, as llama.cpp does', async () => {
    const found = await scaling({ metadata: { ...LONGROPE, 'rope.scaling.factor': { f32: 2 } }, factors: LISTS });
    expect(found).toMatchObject({ short_factor: [2, 2, 3, 4], long_factor: [2, 2.2, 6.6, 8] });
  });

  it('rope_freqs of a published llama3 model gives back its parameters', async () => {
    // The factors of Llama 3.2 (32x over 8,192) at head size 8 and base 500,000, from the formula of conversion/llama.py.
    const factors = [0, 1, 2, 3].map((pair) => {
      const wavelength = 2 * Math.PI * 500_000 ** (pair / 4);
      if (wavelength < 8192 / 4) return 1;
      if (wavelength > 8192) return 32;
      const smooth = (8192 / wavelength - 1) / 3;
      return 1 / ((1 - smooth) / 32 + smooth);
    });
    const metadata = { 'rope.freq_base': { f32: 500_000 }, context_length: { u32: 131_072 } };
    const { config, spec, path: file } = await loadLlama({ metadata, factors: { rope_freqs: factors } });
    expect(config['rope_scaling']).toEqual({
      rope_type: 'llama3',
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    expect(spec.rope.originalLength).toBe(8192);
    expect(await readGgufRope(file)).toMatchObject({ originalLength: 8192, contextLength: 131_072 });
  });

  it('any other rope_freqs becomes one list for all lengths', async () => {
    const found = await scaling({
      metadata: { 'rope.scaling.factor': { f32: 2 } },
      factors: { rope_freqs: [1, 2, 3, 4] },
    });
    expect(found).toMatchObject({
      rope_type: 'longrope',
      short_factor: [2, 4, 6, 8],
      long_factor: [2, 4, 6, 8],
      attention_factor: 1,
    });
  });

  it.each([
    ['an unknown type', { metadata: type('su') }, 'none, linear, yarn or longrope'],
    [
      'longrope without lists',
      { metadata: type('longrope') },
      'rope_factors_long.weight and rope_factors_short.weight',
    ],
    ['lists without longrope', { factors: LISTS }, 'expected longrope'],
    ['both kinds of lists', { metadata: LONGROPE, factors: { ...LISTS, rope_freqs: [1, 1, 1, 1] } }, 'found both'],
    [
      'an attention factor that linear has no key for',
      { metadata: { 'rope.scaling.attn_factor': { f32: 1.5 } } },
      'attn_factor',
    ],
  ] satisfies [string, Changes, string][])('%s is refused', async (_, changes, message) => {
    expect((await rejection(loadLlama(changes))).message).toContain(message);
  });
});
