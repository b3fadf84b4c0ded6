import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportGguf } from '../../src/workflow/export-gguf.js';
import { exportHf } from '../../src/workflow/export-hf.js';
import { inspectModel } from '../../src/workflow/inspect.js';
import { planModel } from '../../src/workflow/plan.js';
import { verifyExport } from '../../src/workflow/verify.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';
import { ggufBytes, llamaMetadata } from '../helpers/write-gguf.js';

/** Published multimodal config, as transformers 4 had it, and what transformers 5 saves of the same model. */
const SHAPE = { hidden_size: 2560, intermediate_size: 10_240, num_hidden_layers: 34, sliding_window: 1024 };
const SPELLINGS = {
  'transformers 4': {
    ...{ rope_theta: 1_000_000, rope_local_base_freq: 10_000 },
    rope_scaling: { rope_type: 'linear', factor: 8 },
  },
  'transformers 5': {
    rope_parameters: {
      full_attention: { rope_type: 'linear', factor: 8, rope_theta: 1_000_000 },
      sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
    },
  },
  'classes that leave theta out': { rope_scaling: { rope_type: 'linear', factor: 8 } },
};

async function published(rope: object): Promise<string> {
  const folder = path.join(await temporaryFolder(), 'gemma3');
  await mkdir(folder);
  const config = {
    ...{ architectures: ['Gemma3ForConditionalGeneration'], model_type: 'gemma3' },
    text_config: { model_type: 'gemma3_text', ...SHAPE, ...rope },
  };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}

/** Pair i of 128 turns by theta^(-2i / 256). */
const frequency = (theta: number, pair: number) => theta ** ((-2 * pair) / 256);

describe.each(Object.entries(SPELLINGS))('gemma3 in the keys of %s', (_name, rope) => {
  it('shows the table of global layers and that of local ones', async () => {
    const { tables, localTable, values } = await inspectModel(await published(rope), [4096]);
    expect(tables[0]!.inverseFrequency).toHaveLength(128);
    for (const pair of [0, 1, 64, 127]) {
      expect(tables[0]!.inverseFrequency[pair]! / (frequency(1e6, pair) / 8)).toBeCloseTo(1, 5);
      expect(tables[0]!.factors[pair]).toBeCloseTo(8, 5);
      expect(localTable!.inverseFrequency[pair]! / frequency(1e4, pair)).toBeCloseTo(1, 5);
      expect(localTable!.factors[pair]).toBeCloseTo(1, 5);
    }
    const valueFrom = (label: string) => values.find(({ name }) => name === label)?.value;
    expect([valueFrom('theta'), valueFrom('theta of local layers')]).toEqual([1e6, 1e4]);
    expect(valueFrom('maximum length')).toBe(131_072);
  });

  it('is planned with its global layers alone', async () => {
    const model = await published(rope);
    const plan = await planModel({ model, target: 262_144, documents: 4, calibrate: false, gpu: {} });
    const lines = (list: typeof plan.yarn, tool: string) => list.find((each) => each.tool === tool);
    expect(plan.original).toMatchObject({ value: 131_072, from: 'max_position_embeddings' });
    expect(plan.original.notes.join()).toMatch(/linear with factor 8/);
    expect(lines(plan.yarn, 'vLLM')?.lines.join()).toContain(
      '"sliding_attention":{"rope_type":"default","rope_theta":10000}',
    );
    expect(lines(plan.longrope, 'SGLang')?.note).toMatch(/cannot/);
    expect(lines(plan.longrope, 'llama.cpp')?.note).toMatch(/cannot/);
  });
});

describe('gemma3 with factors', () => {
  const source = async () => {
    const folder = path.join(await temporaryFolder(), 'source');
    await writeTinyCheckpoint(folder, {
      config: tinyConfig('gemma3', { max_position_embeddings: 64, vocab_size: 4096, hidden_size: 16 }),
    });
    for (const name of ['tokenizer.json', 'tokenizer_config.json'])
      await copyFile(path.join(TINY, name), path.join(folder, name));
    return folder;
  };
  const job = (model: string, out: string) => ({
    ...{ model, out, rope: 'yarn:4', force: false, weights: 'copy' as const, factorSets: [] },
    ...{ profile: 'redundant' as const, engines: ['vllm' as const] },
  });

  it('is written for transformers and vLLM, and verified by their rules', async () => {
    const model = await source();
    const out = `${model}-exported`;
    await exportHf(job(model, out));
    const config = JSON.parse(await readFile(path.join(out, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(config).toMatchObject({
      rope_local_base_freq: 10_000,
      rope_scaling: { rope_type: 'longrope', factor: 4 },
      rope_parameters: { sliding_attention: { rope_type: 'default', rope_theta: 10_000 } },
    });
    const { engines, localTable } = await inspectModel(out, [63, 64, 65, 256]);
    const verdicts = (name: string) =>
      engines.filter(({ engine }) => engine === name).map(({ judgement }) => judgement.verdict);
    for (const name of ['transformers v4', 'transformers v5', 'vLLM'])
      expect(verdicts(name)).toEqual(Array(4).fill('exact'));
    expect(verdicts('SGLang')).toEqual(['exact', 'exact', 'differs', 'differs']);
    expect(localTable?.factors).toEqual(Array(8).fill(1));
    const { carries, tables } = await verifyExport({
      ...{ exported: out, rope: { rope: 'yarn:4' }, text: 'moby-dick', chunk: 16, lengths: [64, 65, 256] },
      engines: { only: [], pythons: [] },
    });
    expect(carries).toBe(true);
    expect(tables.filter(({ engine }) => engine === 'vLLM').map(({ table }) => table)).toEqual([
      'short',
      'long',
      'long',
    ]);
  });

  it('is refused for SGLang and as GGUF, and nothing is written', async () => {
    const model = await source();
    const folder = path.dirname(model);
    const refusal = await rejection(exportHf({ ...job(model, `${model}-sglang`), engines: ['sglang'] }));
    expect(refusal.message).toMatch(/SGLang stays at the short one/);
    const out = path.join(folder, 'gemma3.gguf');
    const gguf = { model, out, force: false, type: null, tokenizer: false };
    expect((await rejection(exportGguf({ ...gguf, rope: 'yarn:4' }))).message).toMatch(
      /llama.cpp reads long and short/,
    );
    expect(await readdir(folder)).toEqual(['source']);
  });

  it('in a GGUF file is unsupported, and without them judged with the base of local layers', async () => {
    const shape = { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2, max_position_embeddings: 64 };
    const metadata = Object.fromEntries(
      Object.entries(
        llamaMetadata({
          ...tinyConfig('gemma3'),
          ...shape,
          num_hidden_layers: 1,
          vocab_size: 16,
          intermediate_size: 16,
        }),
      ).map(([key, value]) => [key.replace(/^llama\./, 'gemma3.'), value]),
    );
    const file = path.join(await temporaryFolder(), 'gemma3.gguf');
    const head = {
      ...metadata,
      'general.architecture': { string: 'gemma3' },
      'gemma3.rope.scaling.factor': { f32: 8 },
    };
    await writeFile(file, ggufBytes(head, []));
    const plain = await inspectModel(file, [64]);
    expect(plain.engines.map(({ judgement }) => judgement.verdict)).toEqual(['exact']);
    expect(plain.localTable?.factors.every((factor) => factor === 1)).toBe(true);
    expect(plain.tables[0]!.factors[0]).toBeCloseTo(8, 6);
    const bytes = new Uint8Array(Float32Array.from({ length: 8 }, (_, pair) => pair + 1).buffer);
    const lists = ['long', 'short'].map((name) => ({
      name: `rope_factors_${name}.weight`,
      dtype: 'F32',
      shape: [8],
      bytes,
    }));
    await writeFile(file, ggufBytes({ ...head, 'gemma3.rope.scaling.type': { string: 'longrope' } }, lists));
    const listed = await inspectModel(file, [64]);
    expect(listed.engines[0]!.judgement).toMatchObject({ verdict: 'unsupported' });
    expect(listed.traps.map(({ id }) => id)).toContain('gguf-architecture');
  });
});
