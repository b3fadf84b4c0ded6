import { expect, it } from 'vitest';
import { parseRecipe } from '../../src/extension/index.js';
import { foreignStartTokens } from '../../src/workflow/extend-search.js';

/** The starts of each search of a recipe. */
function startsOf(...searches: readonly string[]) {
  const stages = searches.map((search) => `  - { stage: search, texts: books, ${search} }`);
  const texts = 'texts: { books: { paths: [books], samples: 2 }, train: { paths: [books] } }';
  const tuned =
    '  - { stage: finetune, name: tuned, factors: s8, texts: train, hyperparameters: { max_steps: 4, max_seq_length: 2k } }';
  const text = [
    'format: longrope-recipe/1',
    'model: models/tiny',
    texts,
    'stages:',
    stages[0],
    tuned,
    ...stages.slice(1),
  ];
  const recipe = parseRecipe(text.join('\n'), 'r.yaml');
  return recipe.stages.flatMap((stage) => (stage.stage === 'search' ? [stage.start] : []));
}

it('a search starts from the longest shorter target before it on the same model', () => {
  expect(
    startsOf(
      'name: s8, target: 2k',
      'name: again, target: 2k, start_tokens: [0, 4]',
      'name: s32, target: 8k',
      'name: s64, target: 16k',
      'name: s16, target: 4k',
    ),
  ).toEqual([undefined, undefined, ['s8'], ['s32'], ['s8']]);
});

it('a second interpolation from one over the same frozen set, the first of them from that set', () => {
  expect(
    startsOf(
      'name: s8, target: 2k',
      'name: other, model: tuned, target: 8k',
      'name: second, model: tuned, target: 8k, over: s8',
      'name: third, model: tuned, target: 16k, over: s8',
    ),
  ).toEqual([undefined, undefined, ['s8'], ['second']]);
});

it('not where it says from what, or from nothing, or where the algorithm takes none', () => {
  expect(
    startsOf(
      'name: s8, target: 2k',
      'name: s16, target: 4k, start: []',
      'name: s32, target: 8k, start: [s8]',
      'name: released, target: 16k, algorithm: dim-mono',
    ),
  ).toEqual([undefined, [], ['s8'], undefined]);
});

it('without the start tokens of that, where it is told which to try, or has none', () => {
  const foreign = (keys: string) => {
    const [stage] = parseRecipe(
      `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 2 } }
stages: [{ stage: search, name: s8, target: 2k, texts: books, ${keys} }]`,
      'r.yaml',
    ).stages;
    if (stage?.stage !== 'search') throw new Error('no search');
    return foreignStartTokens(stage);
  };
  expect(foreign('algorithm: longrope, start_tokens: [0]')).toBe('drop');
  expect(foreign('algorithm: longrope, hyperparameters: { start_tokens: 0 }')).toBe('drop');
  expect(foreign('algorithm: cma-es')).toBe('drop');
  // It has all of the paper's, so that another number would be a mistake.
  expect(foreign('algorithm: longrope')).toBe('refuse');
});
