import { expect, test } from 'vitest';
import { parseRecipe, stageWork } from '../../src/extension/index.js';

const RECIPE = `format: longrope-recipe/1
model: models/tiny
texts:
  books: { paths: [books], samples: 2 }
  train: { paths: [books] }
stages:
  - { stage: search, name: s8, target: 2k, texts: books, held_out: books, budget: 100evals }
  - { stage: finetune, name: all, factors: s8, texts: train, hyperparameters: { max_steps: 4, max_seq_length: 2k, learning_rate: 1e-4 } }
  - { stage: finetune, name: lora, factors: s8, texts: train, hyperparameters: { max_steps: 4, max_seq_length: 2k, learning_rate: 1e-4, lora_r: 8 } }
`;

const KNOWN = { originalLength: 256, heldOutDocuments: () => 3 };

test('a search is its budget and the held-out scores of winner and closed forms; LoRA saves the products that are gradients of matrices', () => {
  const recipe = parseRecipe(RECIPE, 'r.yaml');
  const [search, all, lora] = recipe.stages.map((stage) => stageWork(stage, recipe, KNOWN));
  expect(search?.work).toEqual([
    { length: 2048, sequences: 100 },
    // searched, none, PI, NTK, YaRN and half-turn on two books
    { length: 2048, sequences: 12 },
  ]);
  // Forward, twice that backward, and the forward pass again; of the two products backward, LoRA needs that which leads on to the layer before.
  expect(all?.passes).toEqual({ linear: 4, attention: 4 });
  expect(lora?.passes).toEqual({ linear: 3, attention: 4 });
  expect(lora?.work).toEqual(all?.work);
});

test('a fine-tuning measures its held-out documents at each length before the first step, between, and after the last', () => {
  const sequences = (hyperparameters: string) => {
    const text = RECIPE.replace(
      'texts: train, hyperparameters: { max_steps: 4,',
      `texts: train, held_out: train, hyperparameters: { max_steps: 4, ${hyperparameters}`,
    );
    const recipe = parseRecipe(text, 'r.yaml');
    return stageWork(recipe.stages[1]!, recipe, KNOWN).measured;
  };
  // Once before and once after, on three documents.
  expect(sequences('')).toEqual([
    { length: 256, sequences: 6 },
    { length: 2048, sequences: 6 },
  ]);
  // After 2 and 4 steps, the latter the last; after 3 and, as the last, 4; after every one.
  for (const [every, times] of [
    [2, 3],
    [3, 3],
    [1, 5],
    [9, 2],
  ] as const)
    expect(sequences(`eval_steps: ${every}, eval_lengths: [1k],`)).toEqual([{ length: 1024, sequences: 3 * times }]);
});
