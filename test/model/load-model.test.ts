import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashModel, loadModel, loadShape } from '../../src/model/index.js';
import { rejection } from '../helpers/rejection.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { storedTensors, TINY_CONFIG, writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { ggufBytes } from '../helpers/write-gguf.js';

async function loadTiny(
  ...options: Parameters<typeof writeTinyCheckpoint> extends [string, ...infer Rest] ? Rest : never
) {
  const folder = await temporaryFolder();
  await writeTinyCheckpoint(folder, ...options);
  return loadModel(folder);
}

/** A valid checkpoint whose config.json is then replaced. */
async function withConfig(changes: Record<string, unknown>) {
  const folder = await temporaryFolder();
  await writeTinyCheckpoint(folder);
  await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...TINY_CONFIG, ...changes }));
  return loadModel(folder);
}

describe('a shape without weights', () => {
  it('is that of the model, whether weights lie beside the config or not', async () => {
    const folder = await temporaryFolder();
    await writeTinyCheckpoint(folder);
    const { spec } = await loadModel(folder);
    const beside = await loadShape(folder);
    await rm(path.join(folder, 'model.safetensors'));
    const alone = await loadShape(folder);
    expect([beside.spec, alone.spec]).toEqual([spec, spec]);
    expect(alone.tensors.size).toBe(0);
    expect(await hashModel(alone)).toBe(await hashModel(beside));
    expect((await rejection(loadModel(folder))).message).toContain('found no weights');
  });
});

describe('Hugging Face folders', () => {
  it('a v5 config gives the whole spec', async () => {
    const model = await loadTiny();
    expect(model.spec).toMatchObject({
      architecture: 'llama',
      layers: 2,
      hiddenSize: 32,
      heads: 4,
      keyValueHeads: 2,
      headDim: 8,
      intermediateSize: 48,
      vocabularySize: 96,
      normEpsilon: 1e-5,
      activation: 'silu',
      tiedEmbeddings: false,
      attentionBias: { query: false, key: false, value: false, output: false },
      mlpBias: false,
      slidingWindow: [null, null],
      rotaryPairing: 'half',
      attentionScale: 8 ** -0.5,
    });
    expect(model.spec.rope.geometry).toEqual({ theta: 10_000, headDim: 8, rotaryDim: 8 });
    expect(model.tensors.get('model.layers.1.self_attn.k_proj.weight')).toMatchObject({
      shape: [16, 32],
      dtype: 'F32',
    });
    expect([model.bosTokenId, model.eosTokenIds]).toEqual([1, [2]]);
  });

  it('a v4 config gives the same spec', async () => {
    const v5 = await loadTiny();
    const v4 = await loadTiny({
      config: { rope_parameters: undefined, rope_theta: 10_000, rope_scaling: null, head_dim: null },
    });
    expect(v4.spec).toEqual(v5.spec);
  });

  it('absent keys have the defaults of LlamaConfig', async () => {
    const { spec, bosTokenId, eosTokenIds } = await loadTiny({
      config: {
        num_key_value_heads: undefined,
        rms_norm_eps: undefined,
        hidden_act: undefined,
        bos_token_id: null,
        eos_token_id: [2, 7],
      },
    });
    expect(spec).toMatchObject({ keyValueHeads: 4, normEpsilon: 1e-6, activation: 'silu' });
    expect([bosTokenId, eosTokenIds]).toEqual([null, [2, 7]]);
  });

  it('biases and tied embeddings follow the config', async () => {
    const { spec, tensors } = await loadTiny({
      config: { attention_bias: true, mlp_bias: true, tie_word_embeddings: true },
    });
    expect(spec).toMatchObject({
      attentionBias: { query: true, key: true, value: true, output: true },
      mlpBias: true,
      tiedEmbeddings: true,
    });
    expect(tensors.has('model.layers.0.self_attn.o_proj.bias')).toBe(true);
    expect(tensors.has('lm_head.weight')).toBe(false);
  });

  it('a head in the checkpoint wins over tie_word_embeddings, as in transformers 5', async () => {
    const { spec, tensors, config } = await withConfig({ tie_word_embeddings: true });
    expect(spec.tiedEmbeddings).toBe(false);
    expect(tensors.has('lm_head.weight')).toBe(true);
    // Of what is written from it.
    expect(config['tie_word_embeddings']).toBe(false);
    // Hashes of earlier versions are of what was read.
    const asRead = await withConfig({ tie_word_embeddings: true });
    expect(await hashModel(asRead)).toBe(await hashModel({ ...asRead, config: {} }));
    expect(asRead.configAsRead['tie_word_embeddings']).toBe(true);
    // The config class of smollm3 ties where nothing is said.
    const silent = tinyConfig('smollm3', { tie_word_embeddings: undefined });
    const folder = await temporaryFolder();
    const tensorsOf = () => storedTensors({ ...TINY_CONFIG, ...silent, tie_word_embeddings: false });
    await writeTinyCheckpoint(folder, { config: silent, edit: tensorsOf });
    expect((await loadModel(folder)).config['tie_word_embeddings']).toBe(false);
    // What is right already stays as it is.
    expect((await withConfig({ tie_word_embeddings: undefined })).config).not.toHaveProperty('tie_word_embeddings');
  });

  it.each([
    [undefined, 4096],
    [16, 16],
    [null, null],
  ])('mistral with sliding_window %s has windows of %s', async (configured, expected) => {
    const { spec } = await loadTiny({ config: { model_type: 'mistral', sliding_window: configured } });
    expect(spec.slidingWindow).toEqual([expected, expected]);
    expect(spec.architecture).toBe('mistral');
  });

  it('shards and half precision', async () => {
    const { checkpoint, tensors } = await loadTiny({ shards: 3, dtype: 'BF16' });
    expect(checkpoint.files).toHaveLength(3);
    expect(new Set([...tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['BF16']));
  });

  it('inverse frequencies of old checkpoints are ignored', async () => {
    const buffer = {
      name: 'model.layers.0.self_attn.rotary_emb.inv_freq',
      dtype: 'F32',
      shape: [4],
      bytes: new Uint8Array(16),
    };
    const { tensors } = await loadTiny({ edit: (tensors) => [...tensors, buffer] });
    expect(tensors.has(buffer.name)).toBe(false);
  });
});

describe('refused configs', () => {
  it('all problems at once, each with its key', async () => {
    const { problems } = await rejection(
      withConfig({
        num_hidden_layers: 0,
        hidden_size: '32',
        vocab_size: 1.5,
        intermediate_size: undefined,
        rms_norm_eps: -1,
        mlp_bias: 'no',
        quantization_config: {},
      }),
    );
    expect(problems.map(({ where }) => where.replace(/.*config\.json: /, '')).sort()).toEqual(
      [
        'hidden_size',
        'intermediate_size',
        'mlp_bias',
        'num_hidden_layers',
        'quantization_config',
        'rms_norm_eps',
        'vocab_size',
      ].sort(),
    );
    expect(problems.find(({ where }) => where.endsWith('num_hidden_layers'))).toMatchObject({
      expected: 'a positive integer up to 4096',
      found: '0',
    });
    expect(problems.find(({ where }) => where.endsWith('intermediate_size'))!.found).toBe('nothing');
  });

  it('problems of RoPE together with the others', async () => {
    const rope_parameters = { rope_type: 'longrope', short_factor: [1, 1], long_factor: [1, 1, 1, 0] };
    const { problems } = await rejection(withConfig({ vocab_size: 0, rope_parameters }));
    expect(problems.map(({ where }) => where.replace(/.*config\.json: /, ''))).toEqual([
      'vocab_size',
      'rope_parameters.short_factor',
      expect.stringContaining('rope_parameters.long_factor'),
    ]);
    const perLayer = { full_attention: { rope_type: 'default' }, sliding_attention: { rope_type: 'default' } };
    expect((await rejection(withConfig({ rope_parameters: perLayer }))).kind).toBe('unsupported');
  });

  it('heads that do not divide', async () => {
    expect((await rejection(withConfig({ num_key_value_heads: 3 }))).message).toContain(
      'divisor of num_attention_heads',
    );
    expect((await rejection(withConfig({ head_dim: null, hidden_size: 33 }))).message).toContain(
      'multiple of num_attention_heads',
    );
    expect((await rejection(withConfig({ head_dim: 7 }))).message).toContain('even');
  });

  it('an unknown architecture lists the known ones', async () => {
    const { kind, message } = await rejection(withConfig({ model_type: 'mamba' }));
    expect([kind, message]).toEqual([
      'unsupported',
      expect.stringMatching(/one of llama, mistral, .*, olmo2, found "mamba"/),
    ]);
    expect((await rejection(withConfig({ model_type: undefined }))).message).toContain('found nothing');
  });

  it('another activation', async () => {
    for (const name of ['gelu', 'constructor']) {
      const { kind, message } = await rejection(withConfig({ hidden_act: name }));
      expect([kind, message]).toEqual(['unsupported', expect.stringContaining(`expected silu (llama), found ${name}`)]);
    }
  });

  it('JSON that is none', async () => {
    const folder = await temporaryFolder();
    await writeTinyCheckpoint(folder);
    await writeFile(path.join(folder, 'config.json'), '{"model_type": ');
    expect((await rejection(loadModel(folder))).message).toMatch(/config\.json: expected JSON/);
  });
});

describe('refused weights', () => {
  it('everything missing, misshapen, unreadable or left over, at once', async () => {
    const { message, problems } = await rejection(
      loadTiny({
        edit: (tensors) => [
          ...tensors
            .filter(({ name }) => !/layers\.[01]\.mlp\.up_proj/.test(name))
            .map((tensor) => (tensor.name === 'model.norm.weight' ? { ...tensor, shape: [4, 8] } : tensor))
            .map((tensor) => (tensor.name === 'lm_head.weight' ? { ...tensor, dtype: 'I32' } : tensor)),
          { name: 'model.layers.0.self_attn.q_norm.weight', dtype: 'F32', shape: [2], bytes: new Uint8Array(8) },
        ],
      }),
    );
    expect(problems).toHaveLength(4);
    expect(message).toMatch(
      /none named model\.layers\.0\.mlp\.up_proj\.weight, model\.layers\.1\.mlp\.up_proj\.weight/,
    );
    expect(message).toMatch(/model\.norm\.weight: expected shape \[32\], found \[4,8\]/);
    expect(message).toMatch(/lm_head\.weight: expected one of F32, .* found I32/);
    expect(message).toMatch(/no tensors beside those .* found model\.layers\.0\.self_attn\.q_norm\.weight/);
  });
});

describe('paths', () => {
  it('that lead nowhere', async () => {
    const folder = await temporaryFolder();
    expect((await rejection(loadModel(path.join(folder, 'none')))).message).toContain(
      'expected a model folder or a .gguf file',
    );
    expect((await rejection(loadModel(folder))).message).toContain('an empty folder');
    await writeFile(path.join(folder, 'model.safetensors'), '');
    expect((await rejection(loadModel(folder))).message).toContain('config.json');
    expect((await rejection(loadModel(path.join(folder, 'model.safetensors')))).message).toContain(
      `give its folder (${folder})`,
    );
  });

  it('to a config without weights, or with pickled ones', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'config.json'), JSON.stringify(TINY_CONFIG));
    expect((await rejection(loadModel(folder))).message).toContain('found no weights');
    await writeFile(path.join(folder, 'pytorch_model.bin'), '');
    expect((await rejection(loadModel(folder))).message).toMatch(
      /found pytorch_model\.bin; save the model as safetensors/,
    );
  });

  it('to weights that are a broken link', async () => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'config.json'), JSON.stringify(TINY_CONFIG));
    await symlink(path.join(folder, 'gone'), path.join(folder, 'model.safetensors'));
    expect((await rejection(loadModel(folder))).message).toMatch(/model\.safetensors: expected a readable file/);
  });

  it('to a folder with one GGUF file, or several', async () => {
    const folder = await temporaryFolder();
    const bytes = ggufBytes({ 'general.architecture': { string: 'bert' } }, []);
    await writeFile(path.join(folder, 'one.gguf'), bytes);
    expect((await rejection(loadModel(folder))).message).toMatch(
      /one\.gguf: general\.architecture: expected one of llama, .*, found "bert"/,
    );
    await writeFile(path.join(folder, 'Two.GGUF'), bytes);
    expect((await rejection(loadModel(folder))).message).toContain('found Two.GGUF, one.gguf');
    await mkdir(path.join(folder, 'sub'));
    await rename(path.join(folder, 'one.gguf'), path.join(folder, 'sub/x.gguf'));
    expect((await rejection(loadModel(folder))).message).toMatch(/Two\.GGUF/);
  });
});

describe('given models', () => {
  it('tiny-pg19', async () => {
    const { spec, tensors, path: given } = await loadModel(path.join(SHARED, 'models/tiny-pg19'));
    expect(given).toBe(path.join(SHARED, 'models/tiny-pg19'));
    const weights = [...tensors.values()].reduce(
      (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
      0,
    );
    expect(weights).toBe(3_950_848);
    expect(spec).toMatchObject({ layers: 4, tiedEmbeddings: true, headDim: 64, rotaryPairing: 'half' });
  });

  it('SmolLM2-135M as GGUF, as transformers reads it', async () => {
    const { spec, config, bosTokenId, eosTokenIds } = await loadModel(path.join(SHARED, 'models/smollm2-135m'));
    expect(spec).toMatchObject({
      architecture: 'llama',
      layers: 30,
      hiddenSize: 576,
      heads: 9,
      keyValueHeads: 3,
      headDim: 64,
      intermediateSize: 1536,
      vocabularySize: 49_152,
      normEpsilon: 1e-5,
      tiedEmbeddings: true,
      rotaryPairing: 'adjacent',
    });
    expect(spec.rope).toMatchObject({
      geometry: { theta: 100_000, rotaryDim: 64 },
      scaling: { type: 'default' },
      maxPositionEmbeddings: 8192,
    });
    expect(config).toMatchObject({
      model_type: 'llama',
      num_hidden_layers: 30,
      rope_theta: 100_000,
      tie_word_embeddings: true,
    });
    expect([bosTokenId, eosTokenIds]).toEqual([1, [2]]);
  });
});
