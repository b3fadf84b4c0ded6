import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { concatenatedRows, mixedRows, readDataset, type TokenDocument } from '../../src/corpus/index.js';
import { layerClass } from '../../src/export/index.js';
import { loadModel } from '../../src/model/index.js';
import { exportHf } from '../../src/workflow/export-hf.js';
import { exportTraining, type TrainingExportJob } from '../../src/workflow/export-training.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

const TEXT = 'It is a truth that a long sentence, repeated often enough, becomes a long book. '.repeat(120);

async function workplace(): Promise<{ folder: string; job: (job: Partial<TrainingExportJob>) => TrainingExportJob }> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'long.txt'), TEXT);
  await mkdir(path.join(folder, 'texts'));
  for (let i = 0; i < 12; i++) await writeFile(path.join(folder, 'texts', `${i}.txt`), TEXT.slice(0, 400));
  const common = { model: TINY, rope: 'yarn:2', gpus: 2, weights: 'link' } as const;
  const data = [path.join(folder, 'long.txt'), path.join(folder, 'texts')];
  return {
    folder,
    job: (job) => ({ ...common, engine: 'hf-trainer', data, out: path.join(folder, 'handoff'), ...job }),
  };
}

const json = async (...parts: string[]) =>
  JSON.parse(await readFile(path.join(...parts), 'utf8')) as Record<string, unknown>;
const ones = Array.from({ length: 32 }, () => 1);

const COLUMNS = {
  axolotl: ['input_ids', 'attention_mask', 'labels'],
  'llama-factory': ['input_ids', 'attention_mask'],
  'hf-trainer': ['input_ids', 'attention_mask', 'labels', 'position_ids'],
  nnscaler: ['input_ids', 'position_ids'],
} as const;

describe('export training', () => {
  it.each(['axolotl', 'llama-factory', 'hf-trainer', 'nnscaler'] as const)('%s', async (engine) => {
    const { job } = await workplace();
    const { out, rows, rowTokens, leftOverTokens } = await exportTraining(job({ engine }));
    expect(rowTokens).toBe(512);
    expect(leftOverTokens).toBeLessThan(engine === 'nnscaler' ? 1024 : 512);

    const config = await json(out, 'model/config.json');
    const block = config['rope_scaling'] as { short_factor: number[]; long_factor: number[] };
    expect(block.long_factor.at(-1)).toBe(2);
    expect(block.short_factor).toEqual(engine === 'nnscaler' ? ones : block.long_factor);
    expect((await json(out, 'longrope_handoff.json'))['short_factor']).toEqual(ones);

    const { features } = await json(out, 'data/dataset_info.json');
    expect(Object.keys(features as object)).toEqual(COLUMNS[engine]);
    const { documents } = await readDataset(path.join(out, 'data'));
    expect(documents).toHaveLength(rows);
    expect(documents.every(({ ids }) => ids.length === rowTokens)).toBe(true);
    expect(documents[0]?.ids[0]).toBe(1);

    const readme = await readFile(path.join(out, 'README.md'), 'utf8');
    expect(readme).toContain('longrope export hf trained --restore .');
    for (const name of await readdir(out)) {
      const text = name.endsWith('.yaml') ? await readFile(path.join(out, name), 'utf8') : null;
      if (text === null) continue;
      const settings = parse(text) as Record<string, unknown>;
      expect(settings['learning_rate']).toBe(2e-5);
      expect(settings[engine === 'axolotl' ? 'sequence_len' : 'cutoff_len']).toBe(512);
      expect(settings).not.toHaveProperty('rope_scaling');
    }
  });

  it('writes nothing when the text fills no row, or when something is in the way', async () => {
    const { folder, job } = await workplace();
    await writeFile(path.join(folder, 'short.txt'), 'Too short.');
    const error = await rejection(exportTraining(job({ data: [path.join(folder, 'short.txt')] })));
    expect(error.message).toMatch(/512 tokens of one row.*found \d+ in 1 documents/);
    expect((await readdir(folder)).sort()).toEqual(['long.txt', 'short.txt', 'texts']);
    expect((await rejection(exportTraining(job({ out: folder })))).message).toMatch(/is empty, found 3 files/);
  });

  it("starts nnscaler's example with the steps and the rows that are asked for", async () => {
    const { job } = await workplace();
    const settings = {
      ...{
        maxSteps: 2250,
        sequences: 32,
        learningRate: 2e-5,
        lrSchedulerType: 'cosine',
        warmupSteps: 40,
        weightDecay: 0,
      },
      ...{
        adamBeta1: 0.9,
        adamBeta2: 0.95,
        adamEpsilon: 1e-8,
        maxGradNorm: 1,
        seed: 42,
        loggingSteps: 10,
        saveSteps: 500,
      },
    };
    const { launch, rowTokens } = await exportTraining(job({ engine: 'nnscaler', gpus: 8, rowTokens: 300, settings }));
    expect(rowTokens).toBe(300);
    // Four GPUs share a sequence, so two are computed at a time.
    expect(launch.join(' ')).toMatch(/--grad_accumulation_steps 16 --max_train_steps 2250 --warmup_steps 40/);
  });

  it('refuses what the engine cannot do', async () => {
    const { job } = await workplace();
    expect((await rejection(exportTraining(job({ gpus: 3 })))).message).toMatch(
      /512 tokens of a row[\s\S]*4 attention heads/,
    );
    expect((await rejection(exportTraining(job({ engine: 'nnscaler', gpus: 6 })))).message).toMatch(/multiple of 4/);
    expect((await rejection(exportTraining(job({ rope: 'model' })))).message).toMatch(/factors to train with/);
  });
});

interface Config extends Record<string, unknown> {
  rope_parameters: {
    rope_theta?: number;
    partial_rotary_factor?: number;
    long_factor: number[];
    short_factor: number[];
  };
}

/** What transformers 5 saves: one block, no copies at other places. */
async function trainedFolder(out: string, change: (config: Config) => void = () => {}): Promise<string> {
  const trained = path.join(out, 'trained');
  await cp(path.join(out, 'model'), trained, { recursive: true });
  const { rope_scaling: _, rope_theta: __, ...config } = (await json(trained, 'config.json')) as unknown as Config;
  change(config);
  await writeFile(path.join(trained, 'config.json'), JSON.stringify(config));
  return trained;
}

const restoreJob = (model: string, restore: string) =>
  ({
    model,
    restore,
    out: `${model}-restored`,
    force: true,
    weights: 'none',
    profile: 'redundant',
    engines: ['transformers'],
    factorSets: [],
  }) as const;

it.each([
  ['llama', ['LlamaForCausalLM'], 'LlamaDecoderLayer'],
  ['smollm3', undefined, 'SmolLM3DecoderLayer'],
  ['qwen2', ['Qwen2ForSequenceClassification'], 'Qwen2DecoderLayer'],
  ['mixtral', undefined, 'MixtralDecoderLayer'],
])('layers of %s with architectures %j are wrapped by the name of their class', (architecture, architectures, name) => {
  expect(layerClass({ config: { architectures }, spec: { architecture } })).toBe(name);
});

describe('export hf --restore', () => {
  it('puts the short list back', async () => {
    const { job } = await workplace();
    const { out } = await exportTraining(job({}));
    const trained = await trainedFolder(out);
    const { rope } = await exportHf(restoreJob(trained, out));
    expect(rope).toMatchObject({ originalLength: 256, targetLength: 512 });
    const config = await json(`${trained}-restored`, 'config.json');
    expect(config['rope_scaling']).toEqual(config['rope_parameters']);
    expect((config['rope_scaling'] as { short_factor: number[] }).short_factor).toEqual(ones);
    const { scaling } = (await loadModel(trained)).spec.rope;
    expect(scaling).toMatchObject({ type: 'longrope' });
  });

  it.each<[string, (config: Config) => void, RegExp]>([
    [
      'a lost theta',
      ({ rope_parameters: block }) => delete block.rope_theta,
      /rope_theta: expected 500000.*found 10000; the trainer lost/,
    ],
    ['a changed factor', ({ rope_parameters: block }) => (block.long_factor[3] = 2.5), /long_factor\[3\]: expected 2,/],
    [
      'another scaling',
      (config) => Object.assign(config, { rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 500_000 } }),
      /rope type: expected longrope.*put its own/,
    ],
    ['another target', (config) => (config['max_position_embeddings'] = 256), /max_position_embeddings: expected 128/],
    [
      'another width',
      ({ rope_parameters: block }) => {
        block.partial_rotary_factor = 0.5;
        block.long_factor.length = block.short_factor.length = 2;
      },
      /rotary dimensions: expected 8.*found 4/,
    ],
  ])('refuses %s', async (_, change, message) => {
    const { folder, job } = await workplace();
    const model = path.join(folder, 'source');
    const rope_parameters = { rope_type: 'default', rope_theta: 500_000 };
    await writeTinyCheckpoint(model, { config: { vocab_size: 4096, rope_parameters } });
    const { out } = await exportTraining(job({ model, tokenizer: TINY }));
    const trained = await trainedFolder(out, change);
    expect((await rejection(exportHf(restoreJob(trained, out)))).message).toMatch(message);
  });

  it('needs one of --rope and --restore', async () => {
    const { folder } = await workplace();
    const { restore: _, ...neither } = restoreJob(TINY, folder);
    expect((await rejection(exportHf(neither))).message).toMatch(/found neither/);
    expect((await rejection(exportHf(restoreJob(TINY, folder)))).message).toMatch(/longrope_handoff.json/);
  });
});

describe('rows to train on', () => {
  const document = (length: number, first = 10): TokenDocument => ({
    id: `${first}`,
    ids: Int32Array.from({ length }, (_, i) => first + i),
  });
  const options = { rowTokens: 8, bos: 1, eos: 2 };

  it('hold every token once, in order', () => {
    const rows = [...concatenatedRows([document(5), document(3, 30), document(9, 50)], options)];
    const stream = [1, 10, 11, 12, 13, 14, 2, 1, 30, 31, 32, 2, 1, 50, 51, 52, 53, 54, 55, 56, 57, 58, 2];
    expect(rows.flatMap(({ ids }) => [...ids])).toEqual(stream.slice(0, 16));
    for (const { positions } of rows) expect([...positions]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('of mixed windows keep short documents below the original length', () => {
    const documents = [document(2), document(20, 40), document(1, 20), document(2, 30)];
    const rows = [...mixedRows(documents, { ...options, originalLength: 4 })];
    expect(rows.map(({ id }) => id)).toEqual(['long:0', 'long:1', 'short:0']);
    const short = rows.at(-1);
    expect([...(short?.ids ?? [])]).toEqual([1, 10, 11, 2, 1, 20, 2, 1]);
    expect([...(short?.positions ?? [])]).toEqual([0, 1, 2, 3, 0, 1, 2, 0]);
    // The rest of a cut document starts anew.
    expect([...(rows[1]?.positions ?? [])]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(rows[1]?.ids[0]).toBe(47);
  });
});
