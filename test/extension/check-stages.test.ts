import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type ExtendJob, extend, planExtension } from '../../src/workflow/index.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
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
    hyperparameters: { max_steps: 4, max_seq_length: 512, lora_r: 4, lora_target_modules: [q_prj], modules_to_save: [embd] }
`;

test('what stages would refuse at their start is told before the first one runs, by a dry run too', async () => {
  const folder = await temporaryFolder();
  const recipe = path.join(folder, 'r.yaml');
  await writeFile(recipe, RECIPE);
  const job: ExtendJob = {
    recipe,
    model: TINY,
    texts: new Map(['books', 'rows'].map((name) => [name, [TINY]])),
    factors: new Map(),
    checkpoints: new Map(),
    out: path.join(folder, 'run'),
    trainingThreads: 1,
    command: 'test',
  };
  const run = await rejection(extend(job));
  expect(run.problems.map(({ where, found }) => `${where}: ${found}`)).toEqual([
    'stage found, hyper-parameters of cma-es: "populaton_size"',
    'stage short, --target: 128',
    'stage tuned, --lora-target-modules: "q_prj"',
    'stage tuned, --modules-to-save: "embd"',
  ]);
  expect((await rejection(planExtension({ ...job, calibrate: false, gpu: {} }))).problems).toEqual(run.problems);
  await expect(readFile(path.join(job.out, 'manifest.json'))).rejects.toThrow(/ENOENT/);
});
