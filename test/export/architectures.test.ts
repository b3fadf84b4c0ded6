import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../src/model/index.js';
import { exportGguf } from '../../src/workflow/export-gguf.js';
import { exportHf } from '../../src/workflow/export-hf.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY_ARCHITECTURES, tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';

type Config = Record<string, unknown>;

async function source(name: string, changes: Config = {}): Promise<string> {
  const folder = path.join(await temporaryFolder(), 'source');
  await writeTinyCheckpoint(folder, { config: tinyConfig(name, changes) });
  return folder;
}

async function exported(model: string, engines: Parameters<typeof exportHf>[0]['engines'] = ['transformers']) {
  const out = `${model}-exported`;
  await exportHf({
    model,
    out,
    rope: 'pi:4',
    force: false,
    weights: 'copy',
    profile: 'redundant',
    engines,
    factorSets: [],
  });
  const text = await readFile(path.join(out, 'config.json'), 'utf8');
  return { out, text, config: JSON.parse(text) as Config };
}

describe('export hf', () => {
  it.each(Object.keys(TINY_ARCHITECTURES))('%s opens again with the factors', async (name) => {
    const model = await source(name);
    const before = await loadModel(model);
    const { out } = await exported(model);
    const { spec } = await loadModel(out);
    const { originalLength } = before.spec.rope;
    const pairs = spec.rope.geometry.rotaryDim / 2;
    expect(spec.rope.scaling).toMatchObject({ type: 'longrope', originalLength, factor: 4 });
    expect(spec.rope.scaling).toMatchObject({ longFactor: new Float64Array(pairs).fill(4) });
    const { rope: _, ...rest } = spec;
    const { rope: __, ...restBefore } = before.spec;
    expect(rest).toEqual(restBefore);
  });

  it('gemma3 rescales global layers only, for readers of either version, and for transformers and vLLM only', async () => {
    const model = await source('gemma3');
    const { config } = await exported(model);
    const { full_attention: full, sliding_attention: local } = config['rope_parameters'] as Config;
    expect(full).toEqual(config['rope_scaling']);
    expect(local).toEqual({ rope_type: 'default', rope_theta: 10_000 });
    expect(config).toMatchObject({ rope_theta: 1_000_000, rope_local_base_freq: 10_000 });
    expect((await rejection(exported(await source('gemma3'), ['vllm', 'sglang']))).message).toMatch(
      /--engine sglang: expected transformers or vllm, .* found gemma3_text/,
    );
  });

  it('writes what the config classes of transformers insist on', async () => {
    const gemma2 = await exported(await source('gemma2', { initializer_range: 1 }));
    expect(gemma2.text).toMatch(/"attn_logit_softcapping": 2\.0,\n/);
    expect(gemma2.text).toMatch(/"initializer_range": 1\.0,\n/);
    expect(gemma2.text).toMatch(/"sliding_window": 12,\n/);
    const { config } = await exported(await source('mixtral', { head_dim: null, hidden_size: 64 }));
    expect(config['head_dim']).toBe(16);
  });
});

describe('export gguf', () => {
  const job = { rope: 'pi:4', force: false, type: null, tokenizer: false } as const;

  // llama.cpp reads factors of the other two.
  it.each(Object.keys(TINY_ARCHITECTURES).filter((name) => !['mistral', 'phi3'].includes(name)))(
    '%s is refused',
    async (name) => {
      const model = await source(name);
      for (const rope of ['pi:4', 'model'] as const) {
        const { kind, message } = await rejection(exportGguf({ ...job, model, out: `${model}.gguf`, rope }));
        expect([kind, message]).toEqual([
          'unsupported',
          expect.stringMatching(/model_type: expected llama, mistral, phi3: llama\.cpp reads long and short factors/),
        ]);
      }
    },
  );

  it('phi3 is written fused, with its factors, unless a window is in the way', async () => {
    const windowed = await source('phi3');
    expect((await rejection(exportGguf({ ...job, model: windowed, out: `${windowed}.gguf` }))).message).toMatch(
      /sliding_window: expected null or at least 128: llama\.cpp's phi3 architecture attends to everything, found 12/,
    );
    const model = await source('phi3', { sliding_window: null });
    const out = `${model}.gguf`;
    await exportGguf({ ...job, model, out });
    const { spec, checkpoint, tensors } = await loadModel(out);
    expect(checkpoint.tensors.get('blk.0.attn_qkv.weight')?.shape).toEqual([256, 32]);
    expect(tensors.get('model.layers.1.mlp.up_proj.weight')?.shape).toEqual([48, 32]);
    expect(spec.rope.geometry).toMatchObject({ headDim: 32, rotaryDim: 16 });
    expect(spec.rope.scaling).toMatchObject({ type: 'longrope', longFactor: new Float64Array(8).fill(4) });
  });
});
