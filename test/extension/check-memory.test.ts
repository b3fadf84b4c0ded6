import { expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { parseRecipe } from '../../src/extension/index.js';
import { memoryChecks } from '../../src/workflow/extend-check-memory.js';
import { loadTiny } from '../helpers/tiny-model.js';
import { threeCharacters } from '../helpers/tokenizers.js';

const RECIPE = `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 1 }, rows: { paths: [rows] } }
stages:
  - { stage: search, name: found, target: 2k, texts: books, algorithm: gradient }
  - { stage: search, name: held, target: 2k, lengths: [512], texts: books, held_out: books }
  - { stage: finetune, name: tuned, factors: found, texts: rows, hyperparameters: { max_steps: 1, max_seq_length: 1k } }
  - { stage: finetune, name: away, factors: found, texts: rows, where: elsewhere, hyperparameters: { max_steps: 1, max_seq_length: 2k } }
  - { stage: readjust, name: sets, model: tuned, lengths: [256, 512], texts: books, with: [found], max_factor: 2 }
  - { stage: evaluate, name: judged, model: tuned, rope: [sets], perplexity: { texts: books, lengths: [256, 4k] }, passkey: { lengths: [1k] }, ruler: { lengths: [3k] } }
  - { stage: export, name: folder, model: tuned, factors: found }
`;

async function asked(run: { readonly done?: readonly string[]; readonly workers?: number }, available: number) {
  const [model, { stages }] = [await loadTiny(), parseRecipe(RECIPE, 'r.yaml')];
  const { done = [], ...more } = run;
  const start = { tokenizer: threeCharacters, documents: new Map(), done: new Set(done), trainingThreads: 2, ...more };
  return stages.flatMap((stage) =>
    memoryChecks(stage, { spec: model.spec, model, run: start }, available).flatMap((check) => {
      try {
        void check();
        return [];
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return error.problems.map(({ where }) => `${stage.name}: ${where}`);
      }
    }),
  );
}

test('every stage that computes here is asked for its memory before the first begins', async () => {
  expect(await asked({}, 1e6)).toEqual([
    'found: 1 evaluation of 2048 tokens at a time',
    'held: 1 evaluation of 2048 tokens at a time',
    'tuned: training with 1024 tokens at a time',
    'sets: 1 evaluation of 512 tokens at a time',
    'judged: 1 evaluation of 4096 tokens at a time',
    'judged: 1 evaluation of 3072 tokens at a time, 3072 in a cache',
  ]);
  expect(await asked({}, 64e9)).toEqual([]);
  expect(await asked({ workers: 1000 }, 64e9)).toContain('found: 1000 evaluations of 2048 tokens at a time');
});

test('a stage that is done is not asked', async () => {
  expect(await asked({ done: ['found', 'held', 'tuned', 'sets'] }, 1e6)).toEqual([
    expect.stringMatching(/^judged: /),
    expect.stringMatching(/^judged: /),
  ]);
});
