import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FactorSet, factorVector, formatFactorJson } from '../../src/rope/index.js';
import { exportGguf } from '../../src/workflow/export-gguf.js';
import { planExtension } from '../../src/workflow/index.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

/** For the embedded model, whose original length is 256. */
const SET: FactorSet = {
  factors: factorVector(Array.from({ length: 32 }, () => 2)),
  attentionFactor: 1.25,
  startTokens: 0,
  originalLength: 256,
  targetLength: 512,
};

interface Job {
  readonly stages: readonly string[];
  readonly files?: Readonly<Record<string, Partial<FactorSet>>>;
  readonly model?: string;
}

/** A dry run of a recipe with these stages and factor files. */
async function plan({ stages, files = {}, model = TINY }: Job) {
  const folder = await temporaryFolder();
  const factors = new Map<string, string>();
  for (const [name, edits] of Object.entries(files)) {
    factors.set(name, path.join(folder, `${name}.json`));
    await writeFile(path.join(folder, `${name}.json`), formatFactorJson({ ...SET, ...edits }));
  }
  const recipe = path.join(folder, 'r.yaml');
  const lines = [
    'format: longrope-recipe/1',
    'model: models/tiny',
    'texts: { books: { paths: [books], samples: 1 }, rows: { paths: [rows] } }',
    `factors: { ${Object.keys(files)
      .map((name) => `${name}: ${name}.json`)
      .join(', ')} }`,
    'stages:',
    ...stages.map((stage) => `  - { ${stage} }`),
  ];
  await writeFile(recipe, lines.join('\n'));
  const texts = new Map(['books', 'rows'].map((name) => [name, [TINY]]));
  return { folder, plan: planExtension({ recipe, model, texts, factors, calibrate: false, gpu: {} }) };
}

async function problemsOf(job: Job): Promise<string[]> {
  const { folder, plan: planned } = await plan(job);
  const { problems } = await rejection(planned);
  return problems.map(({ where, found }) => `${where.replaceAll(`${folder}/`, '')}: ${found}`);
}

const HYPER = 'hyperparameters: { max_steps: 4, max_seq_length: 512 }';
const search = (name: string, target: number, keys = '') =>
  `stage: search, name: ${name}, target: ${target}, texts: books${target > 256 ? '' : ', max_factor: 2'}${keys}`;
const held = (attention: number) => `, hyperparameters: { attention_factor: ${attention} }`;
const tuned = (keys: string, name = 'tuned') => `stage: finetune, name: ${name}, texts: rows, ${keys}, ${HYPER}`;

describe('two lists of which searches find the factors', () => {
  test('are refused before the searches where each finds an attention factor of its own', async () => {
    const stages = [search('s256', 256), search('s512', 512), tuned('factors: s512, short: s256')];
    expect(await problemsOf({ stages })).toEqual(['stage tuned, short: s512 and s256, searched with one each']);
  });

  test('or one does beside a file, a closed form or a search that holds another', async () => {
    const files = { given: {}, silent: { attentionFactor: null } };
    const stages = [
      search('s256', 256),
      search('at2', 256, held(2)),
      search('at1', 512, held(1)),
      tuned('factors: given, short: s256', 'beside-file'),
      tuned('factors: "yarn:2@1", short: s256', 'beside-form'),
      tuned('factors: at1, short: at2', 'two'),
      tuned('factors: given, short: at2', 'file-and-held'),
      tuned('factors: silent, short: s256', 'silent-file'),
      tuned('factors: "yarn:2@1", short: silent', 'only-one'),
    ];
    expect(await problemsOf({ stages, files })).toEqual([
      'stage beside-file, short: s256, searched with one of its own',
      'stage beside-form, short: s256, searched with one of its own',
      'stage two, at2: attention_factor: 2',
      'stage file-and-held, at2: attention_factor: 2',
    ]);
  });

  test('are planned where the usual attention factor is held, by default or by its name, or a number under a limit', async () => {
    const named = search('named', 256, ', hyperparameters: { attention_factor: default }');
    const stages = [
      search('drawn', 256, ', algorithm: random'),
      named,
      search('limited', 512, `, short_limit: 5${held(1.25)}`),
      search('at125', 256, held(1.25)),
      tuned('factors: "yarn:2@1", short: drawn', 'by-default'),
      tuned('factors: "yarn:2@1", short: named', 'by-name'),
      tuned('factors: limited, short: at125', 'under-a-limit'),
    ];
    expect((await (await plan({ stages })).plan).stages).toHaveLength(7);
  });

  test('are planned where both hold the same, of a second interpolation that of both searches', async () => {
    const files = { given: {}, short: { targetLength: 256 } };
    const stages = [
      search('s256', 256, held(1.25)),
      search('s512', 512, held(1.25)),
      tuned('factors: s512, short: s256'),
      search('over', 768, `, over: given${held(1)}`),
      tuned('factors: over, short: s256', 'multiplied'),
      tuned('factors: given, short: short', 'files'),
    ];
    expect((await (await plan({ stages, files })).plan).stages).toHaveLength(6);
  });

  test('or files that say different ones, or have start tokens', async () => {
    const files = { given: {}, other: { attentionFactor: 1.5 }, first: { startTokens: 4 } };
    const stages = [tuned('factors: given, short: other'), tuned('factors: given, short: first', 'started')];
    expect(await problemsOf({ stages, files })).toEqual([
      'stage tuned, other.json: attention_factor: 1.5',
      'stage started, first.json: start_tokens: 4, which longrope alone can evaluate',
    ]);
  });
});

test('start tokens of a file are seen through what multiplies it, and in sets', async () => {
  const files = { given: { startTokens: 4 }, long: { startTokens: 8, targetLength: 1024 } };
  const stages = [
    search('over', 768, ', over: given'),
    search('twice', 2048, ', over: over'),
    tuned('factors: over'),
    'stage: readjust, name: sets, lengths: [256], texts: books, with: [given, long], start: [], max_factor: 2',
    'stage: export, name: of-sets, sets: sets',
    'stage: export, name: folder, factors: twice',
  ];
  expect(await problemsOf({ stages, files })).toEqual([
    'stage tuned, over: start_tokens: 4, which longrope alone can evaluate',
    'stage of-sets, long.json: start_tokens: 8, which longrope alone can evaluate',
    'stage folder, twice: start_tokens: 4, which longrope alone can evaluate',
  ]);
});

test('factors for no more than the original length are no long list', async () => {
  const stages = [search('s256', 256), tuned('factors: s256'), 'stage: export, name: folder, factors: s256'];
  expect(await problemsOf({ stages })).toEqual([
    'stage tuned, s256: 256',
    'stage tuned, --max-seq-length: 512',
    'stage folder, s256: 256',
  ]);
});

test('nor is anything that a model with proportional RoPE is trained or exported with', async () => {
  const model = path.join(await temporaryFolder(), 'proportional');
  const rope_parameters = { rope_type: 'proportional', rope_theta: 10_000, partial_rotary_factor: 0.5 };
  await writeTinyCheckpoint(model, { config: { max_position_embeddings: 256, rope_parameters } });
  const stages = [search('s512', 512), tuned('factors: s512'), 'stage: export, name: folder, factors: s512'];
  const proportional = 'proportional RoPE, which a longrope block cannot say';
  expect(await problemsOf({ stages, model })).toEqual([
    `stage tuned, s512: ${proportional}`,
    `stage folder, s512: ${proportional}`,
  ]);
});

test('what llama.cpp would run as another model, or split otherwise, is no GGUF file', async () => {
  const folder = await temporaryFolder();
  const model = path.join(folder, 'gemma');
  await writeTinyCheckpoint(model, { config: { ...tinyConfig('gemma2'), max_position_embeddings: 256 } });
  const gguf = 'stage: export, name: file, factors: s512, to: gguf';
  const stages = [search('s512', 512), gguf];
  expect(await problemsOf({ stages, model })).toEqual([`stage file, ${model}: model_type: gemma2`]);

  const mistral = path.join(folder, 'mistral');
  const config = { ...tinyConfig('mistral'), sliding_window: 600, max_position_embeddings: 256 };
  await writeTinyCheckpoint(mistral, { config });
  const longer = [search('s1k', 1024), 'stage: export, name: longer, factors: s1k, to: gguf'];
  expect(await problemsOf({ stages: [...stages, ...longer], model: mistral })).toEqual([
    `stage longer, ${mistral}: sliding_window: 600`,
  ]);

  const split = path.join(folder, 'split');
  await cp(TINY, split, { recursive: true });
  const json = JSON.parse(await readFile(path.join(split, 'tokenizer.json'), 'utf8')) as Record<string, unknown>;
  const pre_tokenizer = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  await writeFile(path.join(split, 'tokenizer.json'), JSON.stringify({ ...json, pre_tokenizer }));
  const trained = [tuned('factors: s512'), 'stage: export, name: of-tuned, model: tuned, factors: s512, to: gguf'];
  expect(await problemsOf({ stages: [...stages, ...trained], model: split })).toEqual([
    expect.stringContaining(`stage file, ${split}/tokenizer.json: pre_tokenizer: `),
    expect.stringContaining(`stage of-tuned, ${split}/tokenizer.json: pre_tokenizer: `),
  ]);
});

test('a GGUF file is trained elsewhere, and what comes back is trained here', async () => {
  const model = path.join(await temporaryFolder(), 'tiny.gguf');
  await exportGguf({ model: TINY, rope: 'model', out: model, type: null, force: false, tokenizer: true });
  const elsewhere = tuned('factors: "yarn:2", where: elsewhere, gpus: 1');
  const here = (name: string, on: string) => tuned(`factors: "yarn:2", model: ${on}`, name);
  expect(await problemsOf({ stages: [elsewhere, here('more', 'tuned'), here('own', 'base')], model })).toEqual([
    `stage own, ${model}: a GGUF file`,
  ]);
});

test('factors that do not say for which length they are are told how to in words of recipes too', async () => {
  const { plan: planned } = await plan({ stages: [tuned('factors: given')], files: { given: { targetLength: null } } });
  const { problems } = await rejection(planned);
  expect(problems[0]).toMatchObject({ found: 'none in the file', fix: expect.stringContaining('target_length') });
});
