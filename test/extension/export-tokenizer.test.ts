import { expect, test } from 'vitest';
import { parseRecipe } from '../../src/extension/index.js';
import { loadModel } from '../../src/model/index.js';
import { exportChecks } from '../../src/workflow/extend-check-export.js';
import { TINY } from '../helpers/tiny-model.js';

const HYPER = 'hyperparameters: { max_steps: 1, max_seq_length: 512 }';
const recipe = parseRecipe(
  `format: longrope-recipe/1
model: base.gguf
texts: { rows: { paths: [rows] } }
factors: { given: given.csv }
stages:
  - { stage: finetune, name: away, factors: "yarn:2", texts: rows, where: elsewhere, ${HYPER} }
  - { stage: finetune, name: here, model: away, factors: "yarn:2", texts: rows, ${HYPER} }
  - { stage: export, name: file, model: here, factors: given, to: gguf }
`,
  'r.yaml',
);

test('the tokenizer of a GGUF base is not looked for as files, whoever trained it since', async () => {
  const model = await loadModel(TINY);
  const stage = recipe.stages.at(-1);
  if (stage?.stage !== 'export') throw new Error('not the export');
  const checks = (format: 'gguf' | 'safetensors') => {
    const other = { ...model, checkpoint: { ...model.checkpoint, format } } as typeof model;
    const shared = { recipe, spec: model.spec, model: other, tokenizer: {} };
    return exportChecks(stage, shared as unknown as Parameters<typeof exportChecks>[1]).length;
  };
  expect([checks('gguf'), checks('safetensors')]).toEqual([2, 3]);
});
