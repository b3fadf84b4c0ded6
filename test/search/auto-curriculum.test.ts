import path from 'node:path';
import { expect, it } from 'vitest';
import type { Tokenizer } from '../../src/corpus/index.js';
import { parseBudget } from '../../src/search/budget.js';
import { autoCurriculum, searchByCurriculum } from '../../src/workflow/search-curriculum.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

const chosen = (ratio: number, budget = '700evals', options = {}) =>
  autoCurriculum({ algorithm: 'auto', targetLength: 256 * ratio, budget: parseBudget(budget), ...options }, 256).map(
    (length) => length / 256,
  );

it('auto searches 8, 32, 128 ... times the original length before, up to half the target', () => {
  expect([2, 8, 15.5, 16, 32, 63, 64, 512].map((ratio) => chosen(ratio))).toEqual([
    [],
    [],
    [],
    [8],
    [8],
    [8],
    [8, 32],
    [8, 32, 128],
  ]);
});

it('where the budget gives every search 60 evaluations', () => {
  expect(chosen(64, '180evals')).toEqual([8, 32]);
  expect(chosen(64, '179evals')).toEqual([]);
  expect(chosen(64, `${180 * 64 * 256}tokens`)).toEqual([8, 32]);
  expect(chosen(64, `${179 * 64 * 256}tokens`)).toEqual([]);
  expect(chosen(64, '10min')).toEqual([8, 32]);
});

it('not where the user says where to start, what to minimise, or which algorithm', () => {
  const options = [{ starts: ['a'] }, { over: 'a' }, { lengths: [] }, { maxFactor: 4 }, { algorithm: 'gradient' }];
  expect(options.map((option) => chosen(64, '700evals', option))).toEqual(options.map(() => []));
});

it.each(['dim-mono', 'dim-piece-mono'])(
  'of %s is refused at once: it takes no factors to start from',
  async (algorithm) => {
    const error = await rejection(
      searchByCurriculum(
        {
          modelPath: TINY,
          tokenizer: { bosTokenId: 1, hash: '0'.repeat(64) } as Tokenizer,
          documents: [{ id: 'a', ids: new Int32Array(600) }],
          heldOut: [],
          textName: 'a',
          targetLength: 512,
          algorithm,
          budget: parseBudget('40evals'),
          seed: 1,
          out: path.join(await temporaryFolder(), 'run'),
          command: 'none',
        },
        [400, 300],
      ),
    );
    expect(error.problems.map(({ where }) => where)).toEqual(['--curriculum', '--curriculum']);
    expect(error.message).toContain(`found ${algorithm}, which takes none`);
  },
);
