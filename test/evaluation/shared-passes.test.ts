import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { type Protocol, parseRopeMethod } from '../../src/evaluation/index.js';
import { sharedPasses } from '../../src/evaluation/perplexity/shared-passes.js';
import { loadModel } from '../../src/model/index.js';
import { parseJournal } from '../../src/run/index.js';
import { evaluatePerplexityJob } from '../../src/workflow/evaluate-perplexity.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const evaluate = async (methods: readonly string[], out: string, lengths: readonly number[] = [256, 300]) => {
  const target = { model: 'models/tiny', methods, out, command: 'test' };
  const { results } = await evaluatePerplexityJob(target, {
    texts: [path.join(SHARED, 'data/pg19/test')],
    lengths,
    protocol: 'document',
    stride: 256,
    truncate: false,
    maxTokens: null,
    bos: true,
    textOptions: { samples: 2 },
  });
  return results;
};

it('what has the same table is computed once, at the longest of its lengths, and figures are those of each alone', async () => {
  const folder = await temporaryFolder();
  // At the original length all but the last are the model as it is; pi:1 is so at every length.
  const methods = ['none', 'pi', 'yarn@1', 'dynamic', 'pi:1', 'yarn@1.1'];
  const together = await evaluate(methods, path.join(folder, 'together'));
  const journal = path.join(folder, 'together/journal.jsonl');
  const { entries } = parseJournal(journal, await readFile(journal));
  const computed = entries.map((entry) => (entry as { readonly key: string }).key.split('/').slice(0, 2).join(' at '));
  expect([...new Set(computed)].sort()).toEqual([
    'dynamic at 300',
    'none at 300',
    'pi at 300',
    'yarn@1 at 300',
    'yarn@1.1 at 256',
    'yarn@1.1 at 300',
  ]);
  expect(computed).toHaveLength(12);
  for (const method of ['yarn@1', 'yarn@1.1', 'none']) {
    const alone = await evaluate([method], path.join(folder, method));
    expect(together.filter((result) => result.method === method)).toEqual(alone);
  }
  for (const length of [256, 300]) {
    const alone = await evaluate(['none'], path.join(folder, `none-${length}`), [length]);
    expect(together.filter((result) => result.method === 'none' && result.length === length)).toEqual(alone);
  }
});

it('windows that move are passes of their own at every length', async () => {
  const { rope } = (await loadModel('models/tiny')).spec;
  const methods = [await parseRopeMethod('none', rope), await parseRopeMethod('pi:1', rope)];
  const lengthsOf = (protocols: readonly Protocol[]) =>
    sharedPasses(methods, protocols).map(({ method, protocol, serves }) => [
      method.name,
      protocol.length,
      serves.length,
    ]);
  const sliding = [256, 512].map((length) => ({ name: 'sliding', length, stride: 64, maxTokens: null }) as const);
  expect(lengthsOf(sliding)).toEqual([
    ['none', 256, 2],
    ['none', 512, 2],
  ]);
  expect(lengthsOf([256, 512].map((length) => ({ name: 'document', length })))).toEqual([['none', 512, 4]]);
});
