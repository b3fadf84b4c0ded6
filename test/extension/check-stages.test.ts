import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openTokenizer } from '../../src/corpus/index.js';
import type { Stage } from '../../src/extension/index.js';
import { factorVector, formatFactorJson } from '../../src/rope/index.js';
import { textNeeds } from '../../src/workflow/extend-texts.js';
import { type ExtendJob, extend, planExtension } from '../../src/workflow/index.js';
import { searchModel } from '../../src/workflow/search-model.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

const RECIPE = `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 1 }, rows: { paths: [rows] } }
stages:
  - { stage: search, name: found, target: 512, texts: books, algorithm: cma-es, hyperparameters: { populaton_size: 4 } }
  - { stage: search, name: short, target: 128, texts: books }
  - stage: finetune
    name: tuned
    factors: found
    texts: rows
    held_out: rows
    hyperparameters: { max_steps: 4, max_seq_length: 1024, lora_r: 4, lora_target_modules: [q_prj], modules_to_save: [embd] }
  - stage: finetune
    name: skipped
    factors: "yarn:4"
    texts: rows
    hyperparameters: { max_steps: 4, max_seq_length: 512, position_skipping: 2k, lr_scheduler_type: constant, warmup_steps: 2, eval_lengths: [1k, 4k] }
  - { stage: evaluate, name: judged, model: skipped, rope: [none], perplexity: { texts: books, lengths: [256, 8k] } }
`;

test('a search with a limit needs what is read at the original length of its texts', () => {
  const stage = { stage: 'search', texts: 'books', target: 512, lengths: [64, 128], held_out: 'rows' };
  const needs = (more: object) => textNeeds({ ...stage, ...more } as Stage, 256).map(({ length }) => length);
  expect(needs({})).toEqual([128, 512]);
  expect(needs({ short_limit: 2 })).toEqual([256, 512]);
  expect(needs({ short_limit: 2, lengths: undefined })).toEqual([512, 512]);
});

/** `books` has one document of 600 tokens or so. */
async function jobIn(folder: string): Promise<ExtendJob> {
  const [recipe, books, rows] = ['r.yaml', 'books.txt', 'rows.txt'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(recipe, RECIPE);
  for (const file of [books, rows]) await writeFile(file, 'The whale swam on through the night. '.repeat(60));
  return {
    recipe,
    model: TINY,
    texts: new Map([
      ['books', [books]],
      ['rows', [rows]],
    ]),
    factors: new Map(),
    checkpoints: new Map(),
    out: path.join(folder, 'run'),
    trainingThreads: 1,
    command: 'test',
  };
}

const BY_FORMULA = [
  'stage found, hyper-parameters of cma-es: "populaton_size"',
  'stage short, --target: 128',
  'stage tuned, --max-seq-length: 1024',
  'stage tuned, --lora-target-modules: "q_prj"',
  'stage tuned, --modules-to-save: "embd"',
  'stage skipped, --position-skipping: 2048',
  'stage skipped, --eval-length: 4096',
  'stage skipped, --eval-length: none',
  'stage skipped, --lr-scheduler-type constant: a warm-up',
];

test('what stages would refuse at their start is told before the first one runs', async () => {
  const folder = await temporaryFolder();
  const job = await jobIn(folder);
  const run = await rejection(extend(job));
  const told = run.problems.map(({ where, found }) => `${where.replace(`${folder}/`, '')}: ${found}`);
  const ofTexts = told.filter((line) => line.includes('.txt'));
  expect(ofTexts).toEqual([
    expect.stringMatching(/^stage tuned, rows\.txt: 0 of 1, the longest with \d+$/),
    expect.stringMatching(/^stage judged, books\.txt: 0 of 1, the longest with \d+$/),
  ]);
  expect(told.filter((line) => !ofTexts.includes(line))).toEqual(BY_FORMULA);
  await expect(readFile(path.join(job.out, 'manifest.json'))).rejects.toThrow(/ENOENT/);
});

test('a dry run tells the same and reads no texts', async () => {
  const job = await jobIn(await temporaryFolder());
  const texts = new Map(['books', 'rows'].map((name) => [name, [TINY]]));
  const { problems } = await rejection(planExtension({ ...job, texts, calibrate: false, gpu: {} }));
  expect(problems.map(({ where, found }) => `${where}: ${found}`)).toEqual(BY_FORMULA);
});

test('a second interpolation is looked at as multipliers over what it will freeze', async () => {
  const folder = await temporaryFolder();
  const job = await jobIn(folder);
  await writeFile(
    job.recipe,
    `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 1 }, rows: { paths: [rows] } }
stages:
  - { stage: search, name: first, target: 512, texts: books }
  - { stage: search, name: shorter, over: first, target: 512, texts: books }
  - { stage: search, name: fits, over: first, target: 1k, texts: books, algorithm: longrope2, max_factor: 2.5 }
  - { stage: search, name: narrow, over: first, target: 2k, texts: books, algorithm: longrope2, max_factor: 2.5 }
`,
  );
  const texts = new Map(['books', 'rows'].map((name) => [name, [TINY]]));
  const { problems } = await rejection(planExtension({ ...job, texts, calibrate: false, gpu: {} }));
  expect(problems.map(({ where, found }) => `${where}: ${found}`)).toEqual([
    'stage shorter, over: first, for 512',
    expect.stringMatching(/^stage narrow, .*2\.5/),
  ]);
});

test('factor files that cannot be read, and settings for a trainer elsewhere, by a dry run too', async () => {
  const folder = await temporaryFolder();
  const job = await jobIn(folder);
  const factors = path.join(folder, 'narrow.csv');
  await writeFile(factors, '1\n2\n');
  await writeFile(
    job.recipe,
    `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 1 }, rows: { paths: [rows] } }
factors: { narrow: narrow.csv }
stages:
  - { stage: evaluate, name: judged, rope: [narrow], perplexity: { texts: books, lengths: [256] } }
  - stage: finetune
    name: elsewhere
    where: elsewhere
    gpus: 2
    factors: "yarn:2"
    texts: rows
    hyperparameters: { max_steps: 4, max_seq_length: 1k, lr_scheduler_type: constant, warmup_steps: 2 }
`,
  );
  const given = {
    texts: new Map([
      ['books', [TINY]],
      ['rows', [TINY]],
    ]),
    factors: new Map([['narrow', factors]]),
  };
  const { problems } = await rejection(planExtension({ ...job, ...given, calibrate: false, gpu: {} }));
  expect(problems.map(({ where, found }) => `${where.replace(folder, '')}: ${found}`)).toEqual([
    '/narrow.csv: factors: 2',
    'stage elsewhere, --max-seq-length: 1024',
    'stage elsewhere, --lr-scheduler-type constant: a warm-up',
  ]);
});

const LATE = `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 3 }, rows: { paths: [rows] } }
factors: { given: given.json, timeless: timeless.csv }
stages:
  - { stage: search, name: s512, target: 512, texts: books, budget: 4evals }
  - { stage: search, name: steps, target: 512, texts: books, algorithm: gradient, budget: 2evals }
  - { stage: search, name: enough, target: 512, texts: books, budget: 700evals }
  - { stage: readjust, name: sets, lengths: [256, 512], texts: books, with: [s512, given, timeless], max_factor: 2 }
  - { stage: readjust, name: twice, lengths: [256], texts: books, with: [s512, enough], max_factor: 2 }
  - { stage: evaluate, name: methods, rope: ["yarn:abc", "pi:0.5", "ntk:0", "yarn@0", none], perplexity: { texts: books, lengths: [256] } }
  - { stage: evaluate, name: rows, rope: [none], passkey: { lengths: [16, 256], trials: 2 }, ruler: { lengths: [64], samples: 1, tasks: [niah_single_1, vt] } }
  - { stage: finetune, name: six, factors: "yarn:2", texts: rows, where: elsewhere, engine: nnscaler, gpus: 6, hyperparameters: { max_steps: 4, max_seq_length: 512 } }
  - { stage: finetune, name: three, factors: s512, texts: rows, where: elsewhere, gpus: 3, hyperparameters: { max_steps: 4, max_seq_length: 512 } }
  - { stage: finetune, name: uneven, factors: s512, texts: rows, where: elsewhere, engine: nnscaler, gpus: 8, hyperparameters: { max_steps: 4, max_seq_length: 512, gradient_accumulation_steps: 3 } }
`;

test('budgets, sets, methods, rows and GPUs that a stage would refuse, by a dry run too', async () => {
  const folder = await temporaryFolder();
  const job = await jobIn(folder);
  const [given, timeless] = [path.join(folder, 'given.json'), path.join(folder, 'timeless.csv')];
  const factors = factorVector(Array.from({ length: 32 }, () => 2));
  const set = { factors, attentionFactor: 1, startTokens: 0, originalLength: 256, targetLength: 512 };
  await writeFile(given, formatFactorJson(set));
  await writeFile(timeless, '2\n'.repeat(32));
  await writeFile(job.recipe, LATE);
  const late = {
    factors: new Map([
      ['given', given],
      ['timeless', timeless],
    ]),
    texts: new Map(['books', 'rows'].map((name) => [name, [TINY]])),
  };
  const { problems } = await rejection(planExtension({ ...job, ...late, calibrate: false, gpu: {} }));
  expect(problems.map(({ where, found }) => `${where}: ${found}`)).toEqual([
    'stage s512, budget: 4 documents',
    'stage steps, budget: 2 documents',
    'stage sets, with s512: 512',
    'stage sets, with given: 512',
    'stage sets, with given: 512, as s512',
    'stage sets, with timeless: none',
    'stage twice, with enough: 512, as s512',
    'stage methods, --rope yarn:abc: abc',
    'stage methods, --rope pi:0.5: 0.5',
    'stage methods, --rope ntk:0: 0',
    'stage methods, --rope yarn@0: 0',
    'stage rows, passkey at --length 16: 16',
    'stage rows, niah_single_1 at --length 64: 64',
    'stage rows, vt at --length 64: 64',
    'stage six, --gpus: 6',
    'stage three, --gpus 3: 3',
    'stage three, --gpus 3: 3',
    'stage uneven, per_device_train_batch_size * gradient_accumulation_steps: 3',
  ]);
});

test('budgets that suffice where a stage starts from what an earlier one makes, or holds its attention factor', async () => {
  const folder = await temporaryFolder();
  const job = await jobIn(folder);
  const started = '{ closed_forms: unless started }';
  await writeFile(
    job.recipe,
    `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 2 } }
stages:
  - { stage: search, name: first, target: 512, texts: books, algorithm: cma-es, budget: 40evals }
  - { stage: search, name: next, target: 1024, texts: books, algorithm: cma-es, hyperparameters: ${started}, budget: 9evals }
  - { stage: readjust, name: sets, lengths: [256], texts: books, with: [first], max_factor: 2, budget: 12evals }
`,
  );
  const texts = new Map([['books', [TINY]]]);
  const plan = await planExtension({ ...job, texts, factors: new Map(), calibrate: false, gpu: {} });
  expect(plan.stages).toHaveLength(3);
});

test('budgets that do not suffice for all that a stage starts from: sets as they are and stretched, with each number of start tokens', async () => {
  const job = await jobIn(await temporaryFolder());
  const plan = async (ofCma: number, ofGradient: number) => {
    const next = 'texts: books, start: [first, second]';
    await writeFile(
      job.recipe,
      `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 2 } }
stages:
  - { stage: search, name: first, target: 512, texts: books, budget: 40evals }
  - { stage: search, name: second, target: 1024, texts: books, budget: 40evals }
  - { stage: search, name: a, ${next}, target: 1024, hyperparameters: { closed_forms: unless started }, budget: ${ofCma}evals }
  - { stage: search, name: b, ${next}, target: 2048, algorithm: gradient, start_tokens: [0, 4], budget: ${ofGradient}evals }
`,
    );
    const texts = new Map([['books', [TINY]]]);
    return planExtension({ ...job, texts, factors: new Map(), calibrate: false, gpu: {} });
  };
  const { problems } = await rejection(plan(8, 21));
  // Three and four sets, beside four closed forms for gradient, and three candidates on both documents at the end.
  expect(problems.map(({ where, expected }) => `${where}: ${expected}`)).toEqual([
    expect.stringMatching(/^stage a, budget: at least 9 documents/),
    expect.stringMatching(/^stage b, budget: at least 22 documents/),
  ]);
  expect((await plan(9, 22)).stages).toHaveLength(4);
});

test('a tokenizer with more tokens than the model', async () => {
  const folder = await temporaryFolder();
  const job = await jobIn(folder);
  const small = path.join(folder, 'small');
  await writeTinyCheckpoint(small);
  await writeFile(
    job.recipe,
    `format: longrope-recipe/1
model: ${small}
tokenizer: ${TINY}
texts: { books: { paths: [books], samples: 1 }, rows: { paths: [rows] } }
stages: [{ stage: evaluate, name: read, rope: [none], perplexity: { texts: books, lengths: [64] } }]
`,
  );
  const { model: _, ...onSmall } = job;
  for (const start of [extend, planExtension]) {
    const { problems } = await rejection(start({ ...onSmall, calibrate: false, gpu: {} }));
    expect(problems.map(({ where, found }) => `${where}: ${found}`)).toEqual([`${TINY}: 4096`]);
  }
  const search = searchModel({
    ...{ modelPath: small, tokenizerPath: TINY, tokenizer: await openTokenizer(TINY), targetLength: 512 },
    ...{ documents: [{ id: 'a', ids: Int32Array.from({ length: 512 }, () => 4000) }], heldOut: [], textName: 'a' },
    ...{ algorithm: 'cma-es', budget: { unit: 'documents', amount: 20 }, seed: 1, out: job.out, command: 'test' },
  });
  expect((await rejection(search)).problems).toMatchObject([
    { where: 'a', expected: 'token ids below 96', found: '4000' },
  ]);
});

test('a search that holds out what it reads is told before the first stage runs', async () => {
  const folder = await temporaryFolder();
  const job = await jobIn(folder);
  const recipe = `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 1 }, rows: { paths: [rows], samples: 1 } }
stages:
  - { stage: search, name: before, target: 512, texts: books, budget: 40evals }
  - { stage: search, name: found, target: 512, texts: books, held_out: rows, budget: 40evals }
`;
  await writeFile(job.recipe, recipe);
  const { problems } = await rejection(extend(job));
  expect(problems.map(({ where, found }) => [where, found])).toEqual([
    ['stage found, books, rows', expect.stringMatching(/^books\.txt.* \(held out as rows\.txt.*\) on both sides$/)],
  ]);
});
