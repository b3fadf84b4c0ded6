import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { ALGORITHM_NAMES, createAlgorithm, keepsUsualAttention } from '../../src/search/index.js';
import { searchProblem } from './problem.js';

const problem = searchProblem();
const file = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../hyperparameters/${name}.json`, import.meta.url), 'utf8')) as Record<
    string,
    unknown
  >;

function problemsOf(name: string, hyperparameters: unknown, seed = 1, target = problem): string[] {
  try {
    createAlgorithm(name, target, hyperparameters, seed);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message.split('\n');
  }
  return [];
}

describe('hyper-parameters', () => {
  test.each(ALGORITHM_NAMES)('hyperparameters/%s.json holds the defaults', (name) => {
    const defaults = createAlgorithm(name, problem, undefined, 1).hyperparameters;
    if (name.startsWith('dim-')) {
      // What the released code does not have is not in its files.
      expect(createAlgorithm(name, problem, file(name), 1).hyperparameters).toEqual(defaults);
      for (const [key, value] of Object.entries(file(name))) expect(defaults[key]).toEqual(value);
    } else expect(file(name)).toEqual(defaults);
  });

  test('the released files have exactly the released keys', () => {
    const keys =
      'evo_scale population_size max_time_budget mutation_numbers crossover_size max_crossover_try parents_size list_step';
    expect(Object.keys(file('dim-mono'))).toEqual(keys.split(' '));
    expect(file('dim-piece-mono')).toEqual(file('dim-mono'));
  });

  test('all problems at once, with the nearest known key', () => {
    const problems = problemsOf('dim-mono', { population_sise: 64, list_step: 0, parents_size: 1.5, evo_scale: '1' });
    expect(problems).toHaveLength(4);
    expect(problems.join('\n')).toContain('did you mean "population_size"?');
    expect(problems.join('\n')).toContain('list_step: expected a number > 0 and <= 1, found 0');
    expect(problems.join('\n')).toContain('parents_size: expected an integer >= 1, found 1.5');
    expect(problems.join('\n')).toContain('evo_scale: expected a number > 0 and <= 1000, found "1"');
  });

  test.each([
    ['dim-mono', { parents_size: 65 }, 'at most population_size, 64'],
    ['dim-mono', { evo_scale: 0.01 }, 'at least 1 after evo_scale'],
    ['longrope', { list_step: 0.03 }, '1/n for an integer n'],
    ['longrope', { mutation_numbers: 0, crossover_size: 0 }, 'at least 1'],
    ['longrope', { start_tokens: 257 }, 'at most the original length, 256, found 257'],
    ['longrope', { attention_factor: 'usual' }, '"default" or "search" or a number > 0'],
    ['cma-es', { population_size: 3 }, '"default" or an integer >= 4'],
    ['cma-es', [], 'a JSON object, found []'],
  ])('%s refuses %j', (name, hyperparameters, expected) => {
    expect(problemsOf(name, hyperparameters).join('\n')).toContain(expected);
  });

  test('name, seed and problem are checked together', () => {
    const problems = problemsOf('cma-se', undefined, 0, searchProblem({ ratio: 1 }));
    expect(problems).toHaveLength(3);
    expect(problems[0]).toContain('did you mean cma-es?');
  });

  test('longrope halves its population above 512k tokens', () => {
    const first = (originalLength: number) =>
      createAlgorithm('longrope', searchProblem({ originalLength, ratio: 128 }), undefined, 1).ask().length;
    expect(first(4096)).toBe(64);
    expect(first(8192)).toBe(32);
  });

  test('a fixed attention factor is kept by every algorithm', () => {
    for (const name of ALGORITHM_NAMES) {
      for (const [asked, expected] of [
        [1.07, 1.07],
        ['default', problem.defaultAttentionFactor],
      ] as const) {
        const algorithm = createAlgorithm(name, problem, { attention_factor: asked }, 1);
        for (let generation = 0; generation < 3; generation++) {
          const candidates = algorithm.ask();
          expect(new Set(candidates.map(({ attentionFactor }) => attentionFactor))).toEqual(new Set([expected]));
          algorithm.tell(candidates.map((candidate, i) => ({ candidate, loss: i })));
        }
      }
    }
  });
});

test.each([
  ['random', true],
  ['longrope', true],
  ['dim-mono', true],
  ['cma-es', false],
  ['gradient', false],
  ['auto', false],
])('%s keeps the usual attention factor where nothing is said: %s', (name, keeps) => {
  expect(keepsUsualAttention(name)).toBe(keeps);
});
