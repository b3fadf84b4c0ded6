import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTokenizer } from '../../src/corpus/index.js';
import { loadModel, type Model, readTensor } from '../../src/model/index.js';
import { factorVector } from '../../src/rope/factor-vector.js';
import { formatFactorJson, formatFactorSets, resolveRope } from '../../src/rope/index.js';
import { temporaryName } from '../../src/run/temporary-name.js';
import { exportGguf, type GgufExportJob } from '../../src/workflow/export-gguf.js';
import { exportHf, type HfExportJob } from '../../src/workflow/export-hf.js';
import { exportOnnx } from '../../src/workflow/export-onnx.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { TINY_CONFIG, writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

const hfJob = (model: string, out: string, job: Partial<HfExportJob> = {}): HfExportJob => ({
  model,
  out,
  rope: 'yarn:2',
  force: false,
  weights: 'copy',
  engines: ['transformers'],
  factorSets: [],
  ...job,
});
const ggufJob = (model: string, out: string, job: Partial<GgufExportJob> = {}): GgufExportJob => ({
  model,
  out,
  rope: 'yarn:2',
  force: false,
  type: null,
  tokenizer: false,
  ...job,
});

async function tensorsOf(model: Model): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const [name, tensor] of model.tensors)
    all[name] = createHash('sha256')
      .update(new Uint8Array((await readTensor(tensor)).buffer))
      .digest('hex');
  return all;
}

function expectSameRope(a: Model, b: Model, length: number): void {
  const [ours, theirs] = [a, b].map(({ spec: { rope } }) => resolveRope(rope.geometry, rope.scaling, length));
  expect(ours!.attentionFactor / theirs!.attentionFactor).toBeCloseTo(1, 6);
  ours!.inverseFrequency.forEach((value, i) => {
    expect(theirs!.inverseFrequency[i]! / value).toBeCloseTo(1, 6);
  });
}

describe('exports', () => {
  it('safetensors to GGUF and back has the same weights and the same RoPE', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source);
    const gguf = path.join(folder, 'model.gguf');
    const back = path.join(folder, 'back');
    await exportGguf(ggufJob(source, gguf));
    await exportHf(hfJob(gguf, back, { rope: 'model', maxShardBytes: 30_000 }));
    expect((await readdir(back)).filter((name) => /^model-/.test(name)).length).toBeGreaterThan(1);
    const [first, middle, last] = [await loadModel(source), await loadModel(gguf), await loadModel(back)];
    expect(await tensorsOf(last)).toEqual(await tensorsOf(first));
    // Rows of q and k are in another order in between.
    const q = 'model.layers.0.self_attn.q_proj.weight';
    expect((await tensorsOf(middle))[q]).not.toBe((await tensorsOf(first))[q]);
    expect(middle.spec.rope.maxPositionEmbeddings).toBe(128);
    for (const length of [64, 65, 128]) expectSameRope(middle, last, length);
  });

  it('say of a head of its own that it is not tied, whatever the config of the model says', async () => {
    const folder = await temporaryFolder();
    const [source, out] = [path.join(folder, 'source'), path.join(folder, 'out')];
    await writeTinyCheckpoint(source);
    const tied = { ...TINY_CONFIG, tie_word_embeddings: true };
    await writeFile(path.join(source, 'config.json'), JSON.stringify(tied));
    await exportHf(hfJob(source, out));
    expect(JSON.parse(await readFile(path.join(out, 'config.json'), 'utf8')).tie_word_embeddings).toBe(false);
    expect((await loadModel(out)).tensors.has('lm_head.weight')).toBe(true);
  });

  it("the config of a GGUF model's own table is for readers of every age", async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source);
    const [gguf, out] = [path.join(folder, 'model.gguf'), path.join(folder, 'out')];
    await exportGguf(ggufJob(source, gguf));
    const { rope, profile } = await exportHf(hfJob(gguf, out, { rope: 'model', weights: 'none' }));
    expect([rope, profile]).toEqual([null, 'redundant']);
    const config = JSON.parse(await readFile(path.join(out, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(config['rope_scaling']).toMatchObject({ type: 'longrope', rope_type: 'longrope', factor: 2 });
    expect(config['rope_parameters']).toEqual(config['rope_scaling']);
    expect(config).toMatchObject({ original_max_position_embeddings: 64, max_position_embeddings: 128 });
  });

  it('GGUF to GGUF keeps quantised bytes', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source, { config: { intermediate_size: 64 } });
    const [first, second] = [path.join(folder, 'a.gguf'), path.join(folder, 'b.gguf')];
    await exportGguf(ggufJob(source, first, { type: 'Q4_1', rope: 'model' }));
    const { types } = await exportGguf(ggufJob(first, second));
    expect(types.Q4_1).toBe(16);
    expect(await tensorsOf(await loadModel(second))).toEqual(await tensorsOf(await loadModel(first)));
  });

  it('a GGUF of the embedded model has its tokenizer', async () => {
    const folder = await temporaryFolder();
    const gguf = path.join(folder, 'tiny.gguf');
    await exportGguf(ggufJob(TINY, gguf, { tokenizer: true, type: 'Q8_0' }));
    await exportHf(hfJob(gguf, path.join(folder, 'hf'), { weights: 'none' }));
    const text = "Hello world 123, it's naïve 世界 <s> x\n\n  y";
    const expected = [...(await openTokenizer(TINY)).encode(text)];
    for (const copy of [gguf, path.join(folder, 'hf')]) {
      const tokenizer = await openTokenizer(copy);
      expect([...tokenizer.encode(text)]).toEqual(expected);
      expect([tokenizer.bosTokenId, tokenizer.eosTokenId]).toEqual([1, 2]);
    }
  });

  it('copies of read-only files belong to their user', async () => {
    const folder = await temporaryFolder();
    const [source, out] = [path.join(folder, 'source'), path.join(folder, 'out')];
    await writeTinyCheckpoint(source);
    for (const name of await readdir(source)) await chmod(path.join(source, name), 0o444);
    await exportHf(hfJob(source, out));
    for (const name of await readdir(out)) expect((await stat(path.join(out, name))).mode & 0o200, name).toBe(0o200);
  });

  it.each(['copy', 'link'] as const)(
    'the shards that the index names, whatever they are called: %s',
    async (weights) => {
      const folder = await temporaryFolder();
      const [source, out] = [path.join(folder, 'source'), path.join(folder, 'out')];
      await writeTinyCheckpoint(source, { shards: 2 });
      const index = path.join(source, 'model.safetensors.index.json');
      const { weight_map: map } = JSON.parse(await readFile(index, 'utf8')) as { weight_map: Record<string, string> };
      const renamed = Object.fromEntries(
        Object.entries(map).map(([name, shard]) => [name, shard.replace('model', 'w')]),
      );
      await writeFile(index, JSON.stringify({ weight_map: renamed }));
      for (const shard of new Set(Object.values(map)))
        await rename(path.join(source, shard), path.join(source, shard.replace('model', 'w')));
      await writeFile(path.join(source, 'model-00003-of-00003.safetensors'), 'of an earlier download');
      await exportHf(hfJob(source, out, { weights }));
      expect((await readdir(out)).filter((name) => name.includes('safetensors')).sort()).toEqual([
        'model.safetensors.index.json',
        'w-00001-of-00002.safetensors',
        'w-00002-of-00002.safetensors',
      ]);
      expect(await tensorsOf(await loadModel(out))).toEqual(await tensorsOf(await loadModel(source)));
    },
  );

  it('in place of those that the index before has named, and of no other file', async () => {
    const folder = await temporaryFolder();
    const [source, out] = [path.join(folder, 'source'), path.join(folder, 'out')];
    await writeTinyCheckpoint(source);
    await mkdir(out);
    const named = ['w-1.safetensors', 'notes.txt'];
    for (const name of [...named, 'adapter.safetensors']) await writeFile(path.join(out, name), 'before');
    const index = path.join(out, 'model.safetensors.index.json');
    const write = (names: readonly string[]) =>
      writeFile(index, JSON.stringify({ weight_map: Object.fromEntries(names.map((name, i) => [`t${i}`, name])) }));
    // One that names a file elsewhere is believed in nothing.
    await write([...named, '../source/model.safetensors']);
    await exportHf(hfJob(source, out, { force: true }));
    const kept = ['adapter.safetensors', 'config.json', 'model.safetensors', 'notes.txt'];
    expect((await readdir(out)).sort()).toEqual([...kept, 'w-1.safetensors']);
    await write(named);
    await exportHf(hfJob(source, out, { force: true }));
    expect((await readdir(out)).sort()).toEqual(kept);
    expect(await readdir(source)).toContain('model.safetensors');
  });

  it('links are links, and the block is there twice', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source);
    const out = path.join(folder, 'out');
    const { files } = await exportHf(hfJob(source, out, { weights: 'link', engines: ['vllm'] }));
    expect(files.find(({ name }) => name === 'model.safetensors')?.how).toBe('hard link');
    expect((await stat(path.join(out, 'model.safetensors'))).ino).toBe(
      (await stat(path.join(source, 'model.safetensors'))).ino,
    );
    const config = JSON.parse(await readFile(path.join(out, 'config.json'), 'utf8')) as Record<string, object>;
    expect(config['rope_scaling']).toEqual(config['rope_parameters']);
    expect(config['rope_scaling']).toMatchObject({ factor: 2, short_mscale: 0.1 * Math.log(2) + 1 });
    expect(config['original_max_position_embeddings']).toBe(64);
  });
});

it('half a GGUF file of an export that was killed is removed by the next one', async () => {
  const folder = await temporaryFolder();
  const [source, gguf] = [path.join(folder, 'source'), path.join(folder, 'model.gguf')];
  await writeTinyCheckpoint(source);
  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  await writeFile(path.join(folder, temporaryName(gguf, ended)), 'half');
  await exportGguf(ggufJob(source, gguf));
  expect((await readdir(folder)).sort()).toEqual(['model.gguf', 'source']);
});

describe('a set of factors per length', () => {
  it('is refused by every export, with what engines have room for, and nothing is written', async () => {
    const folder = await temporaryFolder();
    const rope = path.join(folder, 'sets.json');
    const set = { attentionFactor: 1.1, startTokens: 0 };
    const ofLength = (maxLength: number) => ({ ...set, maxLength, factors: new Float64Array(32).fill(1) as never });
    await writeFile(rope, formatFactorSets({ originalLength: 256, sets: [ofLength(256), ofLength(1024)] }));
    const out = path.join(folder, 'out');
    const refusals = [
      rejection(exportHf(hfJob(TINY, out, { rope }))),
      rejection(exportHf(hfJob(TINY, out, { short: rope }))),
      rejection(exportHf(hfJob(TINY, out, { factorSets: [{ length: 512, path: rope }] }))),
      rejection(exportGguf(ggufJob(TINY, `${out}.gguf`, { rope }))),
      rejection(exportOnnx({ model: TINY, out, rope, dtype: 'float32', logits: 'all', maxShardBytes: 5e9 })),
    ];
    for (const refusal of refusals) {
      const { kind, message } = await refusal;
      expect(kind).toBe('unsupported');
      expect(message).toMatch(/expected one table of factors: .*found a set per length.*--factor-set LENGTH=FILE/);
    }
    expect(await readdir(folder)).toEqual(['sets.json']);
  });
});

describe('the profile of a phi3 model', () => {
  it('is the block of three keys unless the attention factor is its own', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'phi3');
    await writeTinyCheckpoint(source, { config: tinyConfig('phi3') });
    const exported = async (rope: string) => {
      const out = path.join(folder, rope);
      const job = hfJob(source, out, { rope });

      const { profile } = await exportHf(job);
      return { profile, config: JSON.parse(await readFile(path.join(out, 'config.json'), 'utf8')) };
    };
    const usual = await exported('yarn:2@longrope');
    expect(usual.profile).toBe('phi3-legacy');
    expect(Object.keys(usual.config.rope_scaling).sort()).toEqual(['long_factor', 'short_factor', 'type']);
    const own = await exported('yarn:2@1.05');
    expect(own.profile).toBe('redundant');
    expect(own.config.rope_parameters.attention_factor).toBe(1.05);
  });
});

it('a phi3 model whose rotary share stands in its block alone keeps it', async () => {
  const folder = await temporaryFolder();
  const source = path.join(folder, 'phi3');
  const rope_parameters = { rope_type: 'default', rope_theta: 10000, partial_rotary_factor: 0.5 };
  await writeTinyCheckpoint(source, { config: { ...tinyConfig('phi3'), rope_parameters } });
  const out = path.join(folder, 'out');
  expect((await exportHf(hfJob(source, out, { rope: 'yarn:2@longrope' }))).profile).toBe('phi3-legacy');
  const [before, after] = [await loadModel(source), await loadModel(out)];
  expect(after.spec.rope.geometry).toEqual(before.spec.rope.geometry);
  expect(after.spec.rope.geometry.rotaryDim).toBe(before.spec.headDim / 2);
});

it('an aborted copy of weights leaves nothing, and a second export nothing of the first', async () => {
  const folder = await temporaryFolder();
  const source = path.join(folder, 'source');
  await writeTinyCheckpoint(source);
  const out = path.join(folder, 'out');
  const signal = AbortSignal.abort(new Error('stop'));
  await expect(exportHf(hfJob(source, out, { signal }))).rejects.toThrow('stop');
  expect(await readdir(folder)).toEqual(['source']);
  const factors = path.join(folder, 'factors.json');
  const set = { attentionFactor: null, startTokens: 0, originalLength: 64, targetLength: 96 };
  await writeFile(factors, formatFactorJson({ factors: factorVector([1, 1, 1.2, 1.4]), ...set }));
  await exportHf(hfJob(source, out, { factorSets: [{ length: 96, path: factors }] }));
  expect(await readdir(out)).toContain('longrope_factor_sets.json');
  await exportHf(hfJob(source, out, { force: true }));
  expect(await readdir(out)).not.toContain('longrope_factor_sets.json');
});

it('--force leaves no tokenizer of the model before, and what is not of a model', async () => {
  const folder = await temporaryFolder();
  const [source, out] = [path.join(folder, 'source'), path.join(folder, 'out')];
  await writeTinyCheckpoint(source);
  const before = ['chat_template.jinja', 'added_tokens.json', 'special_tokens_map.json', 'generation_config.json'];
  for (const name of before) await writeFile(path.join(source, name), '{}');
  await exportHf(hfJob(source, out));
  for (const name of before) await rm(path.join(source, name));
  for (const name of ['notes.txt', 'LICENSE']) await writeFile(path.join(out, name), 'mine');
  expect((await readdir(out)).length).toBe(8);
  await exportHf(hfJob(source, out, { force: true }));
  expect((await readdir(out)).sort()).toEqual(['LICENSE', 'config.json', 'model.safetensors', 'notes.txt']);
});

describe('refusals', () => {
  it('factors of another model for one more length', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source);
    const factors = path.join(folder, 'factors.json');
    const set = { attentionFactor: null, startTokens: 0, originalLength: 48, targetLength: 96 };
    await writeFile(factors, formatFactorJson({ factors: factorVector([1, 1, 1.2, 1.4]), ...set }));
    const job = hfJob(source, path.join(folder, 'out'), { factorSets: [{ length: 96, path: factors }] });
    expect((await rejection(exportHf(job))).problems).toEqual([
      {
        where: `--factor-set 96=${factors}: original_max_position_embeddings`,
        expected: '64, the original length of the model',
        found: '48',
      },
    ]);
  });

  it('a size of shards where weights stay in their files', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source);
    const refused = (job: Partial<HfExportJob>) =>
      rejection(exportHf(hfJob(source, path.join(folder, 'out'), { maxShardBytes: 30_000, ...job })));
    expect((await refused({})).message).toMatch(
      /^--max-shard-size: .*found files that are copied as they are; give --dty/,
    );
    expect((await refused({ weights: 'link' })).message).toMatch(/found files that are linked as they are/);
    expect((await refused({ weights: 'none' })).message).toMatch(/found --weights none/);
    const out = path.join(folder, 'split');
    await exportHf(hfJob(source, out, { maxShardBytes: 30_000, dtype: 'float32' }));
    expect((await readdir(out)).filter((name) => /^model-/.test(name)).length).toBeGreaterThan(1);
  });

  it('the model itself as the file to write, whatever it is called', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source);
    const file = path.join(folder, 'a.gguf');
    await exportGguf(ggufJob(source, file));
    const before = await readFile(file);
    await symlink(file, path.join(folder, 'b.gguf'));
    for (const name of ['a.gguf', 'b.gguf']) {
      const job = ggufJob(file, path.join(folder, name), { rope: 'model', force: true, type: 'F16' });
      expect((await rejection(exportGguf(job))).message).toMatch(/^--out: expected another file than the model itself/);
    }
    expect(await readFile(file)).toEqual(before);
  });

  it('start tokens, in both formats, and nothing is written', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source);
    const factors = path.join(folder, 'factors.json');
    const set = { attentionFactor: null, startTokens: 4, originalLength: 64, targetLength: 128 };
    await writeFile(factors, formatFactorJson({ factors: factorVector([1, 1, 2, 2]), ...set }));
    for (const error of [
      await rejection(exportHf(hfJob(source, path.join(folder, 'hf'), { rope: factors }))),
      await rejection(exportGguf(ggufJob(source, path.join(folder, 'x.gguf'), { rope: factors }))),
    ])
      expect(error.message).toMatch(/start_tokens.*llama\.cpp.*found 4/);
    expect((await readdir(folder)).sort()).toEqual(['factors.json', 'source']);
  });

  it('NaN in the weights, and what stood at the target stays', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source, {
      edit: (tensors) => {
        new Float32Array(tensors.at(-1)!.bytes.buffer)[3] = Number.NaN;
        return tensors;
      },
    });
    const out = path.join(folder, 'x.gguf');
    await writeFile(out, 'old');
    expect((await rejection(exportGguf(ggufJob(source, out)))).message).toMatch(/--force/);
    expect((await rejection(exportGguf(ggufJob(source, out, { force: true })))).message).toMatch(/lm_head.*NaN/);
    expect(await readFile(out, 'utf8')).toBe('old');
    expect((await rejection(exportHf(hfJob(source, path.join(folder, 'hf'), { dtype: 'float16' })))).message).toMatch(
      /NaN/,
    );
    expect((await readdir(folder)).sort()).toEqual(['source', 'x.gguf']);
  });

  it('a folder with contents, a sliding window in llama.cpp, an engine that cannot', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source, { config: { model_type: 'mistral', sliding_window: 32 } });
    expect((await rejection(exportHf(hfJob(source, folder)))).message).toMatch(/--force/);
    const gguf = await rejection(exportGguf(ggufJob(source, path.join(folder, 'x.gguf'))));
    expect(gguf.message).toMatch(/sliding_window.*vLLM/);
    const engine = await rejection(exportHf(hfJob(source, path.join(folder, 'a'), { engines: ['onnxruntime-genai'] })));
    expect(engine.message).toMatch(/phi3.*vllm/);
  });
});
