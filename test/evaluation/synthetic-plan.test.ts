import { expect, it } from 'vitest';
import type { SyntheticTask, Tokenizer } from '../../src/corpus/index.js';
import { releasedPasskey } from '../../src/corpus/synthetic/passkey.js';
import { parseRopeMethod } from '../../src/evaluation/index.js';
import { answerPlan, type SyntheticPlan } from '../../src/workflow/synthetic-rows.js';
import { loadTiny } from '../helpers/tiny-model.js';

it('the cache has room for the longest row of a task that does not keep to the length', async () => {
  const row: SyntheticTask['row'] = ({ trial }) => {
    return { id: `${trial}`, promptIds: new Int32Array(5000 + trial), answerTokens: 10, expected: [], depth: 0 };
  };
  const task: SyntheticTask = { name: 'passkey', answerTokens: () => 10, exceedsLength: true, row };
  expect(releasedPasskey.exceedsLength).toBe(true);
  const { spec } = await loadTiny();
  let needs: unknown;
  const evaluation = {
    methods: [await parseRopeMethod('none', spec.rope)],
    openEngine: async (asked: unknown) => {
      needs = asked;
      throw new Error('opened');
    },
  } as unknown as Parameters<typeof answerPlan>[1];
  const plan: SyntheticPlan = {
    ...{ tasks: [task], lengths: [4900], trials: 3, seed: 1, policy: 'once' },
    ...{ tokenizer: {} as Tokenizer, haystack: {} as SyntheticPlan['haystack'] },
  };
  await expect(answerPlan(plan, evaluation, {}, null, async () => {})).rejects.toThrow('opened');
  expect(needs).toMatchObject({ maxLength: 5012, cacheTokens: 5012 });
});
