import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseRecipe, type Recipe } from '../../src/extension/index.js';
import { loadModel } from '../../src/model/index.js';
import { factorsAt, factorVector, formatFactorJson, formatFactorSets, parseFactorSets } from '../../src/rope/index.js';
import { exportHf } from '../../src/workflow/export-hf.js';
import { type StageContext, stageRunners } from '../../src/workflow/extend-stages.js';
import { extend } from '../../src/workflow/index.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';
import { threeCharacters } from '../helpers/tokenizers.js';

const OF_SETS = `format: longrope-recipe/1
model: ${TINY}
texts: { books: { paths: [books], samples: 1 } }
stages:
  - { stage: search, name: long, target: 1k, texts: books }
  - { stage: readjust, name: sets, lengths: [512], texts: books, with: [long], max_factor: 2 }
  - { stage: export, name: folder, sets: sets }
`;

function contextOf(recipe: Recipe): StageContext {
  return {
    ...{ recipe, tokenizer: threeCharacters, documents: new Map(), tokenizerPath: TINY, checkpoints: new Map() },
    ...{ trainingThreads: 1, command: 'test' },
  };
}

test('sets without one for the original length are exported as they are evaluated: the shortest serves all that is short', async () => {
  const folder = await temporaryFolder();
  const recipe = parseRecipe(OF_SETS, 'r.yaml');
  const set = (factor: number, targetLength: number) => ({
    factors: factorVector(Array.from({ length: 32 }, () => factor)),
    ...{ attentionFactor: 1, startTokens: 0, originalLength: 256, targetLength },
  });
  const [short, long] = [set(2, 512), set(3, 1024)];
  const folderOf = (name: string) => path.join(folder, name);
  for (const [name, made] of [
    ['sets/512', short],
    ['long', long],
  ] as const) {
    await mkdir(folderOf(name), { recursive: true });
    await writeFile(path.join(folderOf(name), 'factors.json'), formatFactorJson(made));
  }
  const evaluated = parseFactorSets(
    formatFactorSets({
      originalLength: 256,
      sets: [short, long].map(({ targetLength: maxLength, ...rest }) => ({ ...rest, maxLength })),
    }),
    'sets.json',
  );
  const stage = recipe.stages[2]!;
  if (stage.stage !== 'export') throw new Error(stage.stage);
  const pathOf = (name: string) => (name === 'base' ? TINY : path.join(folderOf(name), 'factors.json'));
  await mkdir(folderOf('folder'));
  const job = { stage, folder: folderOf('folder'), pathOf, folderOf, onProgress: () => undefined };
  await stageRunners(contextOf(recipe)).export(job);

  const exported = path.join(folderOf('folder'), 'model');
  expect((await loadModel(exported)).spec.rope.scaling).toMatchObject({
    shortFactor: short.factors,
    longFactor: long.factors,
  });
  const side = parseFactorSets(await readFile(path.join(exported, 'longrope_factor_sets.json'), 'utf8'), 'side');
  for (const length of [2, 256, 257, 512, 513, 1024])
    expect(factorsAt(side, length)).toEqual(factorsAt(evaluated, length));
});

test('a phi3 model is exported as the command exports it', async () => {
  const folder = await temporaryFolder();
  const model = path.join(folder, 'phi3');
  await writeTinyCheckpoint(model, { config: tinyConfig('phi3', { vocab_size: 4096 }) });
  const factors = factorVector(Array.from({ length: 8 }, () => 2));
  const set = { factors, attentionFactor: null, startTokens: 0, originalLength: 32, targetLength: 64 };
  const given = path.join(folder, 'given.json');
  await writeFile(given, formatFactorJson(set));
  const recipe = path.join(folder, 'r.yaml');
  await writeFile(
    recipe,
    `format: longrope-recipe/1
model: ${model}
tokenizer: ${TINY}
factors: { given: ${given} }
stages: [{ stage: export, name: folder, factors: given }]
`,
  );
  const job = { texts: new Map(), factors: new Map(), checkpoints: new Map(), trainingThreads: 1, command: 'test' };
  await extend({ recipe, out: path.join(folder, 'run'), ...job });
  const out = path.join(folder, 'by-command');
  const engines = ['transformers'] as const;
  await exportHf({
    model,
    rope: given,
    out,
    force: false,
    weights: 'copy',
    engines,
    factorSets: [],
  });
  const [ours, theirs] = await Promise.all(
    [path.join(folder, 'run/stages/folder/model'), out].map((at) => readFile(path.join(at, 'config.json'), 'utf8')),
  );
  expect(ours).toBe(theirs);
});

test('a factor file that was removed before its readjustment is named', async () => {
  const folder = await temporaryFolder();
  const recipe = parseRecipe(OF_SETS, 'r.yaml');
  const stage = recipe.stages[1]!;
  if (stage.stage !== 'readjust') throw new Error(stage.stage);
  const gone = path.join(folder, 'gone.json');
  const pathOf = (name: string) => (name === 'base' ? TINY : gone);
  const job = { stage, folder, pathOf, folderOf: pathOf, onProgress: () => undefined };
  expect((await rejection(stageRunners(contextOf(recipe)).readjust(job))).problems).toMatchObject([
    { where: `with ${gone}`, expected: 'a factor file (.csv, .json)' },
  ]);
});
