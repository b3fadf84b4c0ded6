import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { factorVector, formatFactorJson } from '../../src/rope/index.js';
import { createAlgorithm, functionObjective, parseBudget } from '../../src/search/index.js';
import { searchOutside } from '../../src/workflow/search-outside.js';
import { searchSpace } from '../../src/workflow/search-space.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { loadTiny } from '../helpers/tiny-model.js';

it('start tokens of a file that a search cannot choose are refused, or dropped where nobody named the file', async () => {
  const model = await loadTiny();
  const file = path.join(await temporaryFolder(), 'factors.json');
  const factors = factorVector(Array.from({ length: 32 }, () => 2));
  const set = { factors, attentionFactor: 1, startTokens: 4, originalLength: 256, targetLength: 512 };
  await writeFile(file, formatFactorJson(set));
  const options = { targetLength: 512, starts: [file] };
  const { problem } = await searchSpace(model, options);
  expect(() => createAlgorithm('gradient', problem, undefined, 1)).toThrow(
    /start tokens that the search can choose, 0/,
  );
  const dropped = await searchSpace(model, { ...options, foreignStartTokens: 'drop' });
  const counts = createAlgorithm('gradient', dropped.problem, undefined, 1).ask();
  expect(new Set(counts.map(({ startTokens }) => startTokens))).toEqual(new Set([0]));
  const chosen = await searchSpace(model, { ...options, foreignStartTokens: 'drop', startTokens: [0, 4] });
  expect(chosen.problem.starts?.map(({ startTokens }) => startTokens)).toEqual([4]);
});

it('start tokens, which no export can express, are said before a search outside too', async () => {
  const told: string[] = [];
  const objective = functionObjective({
    documents: [{ name: 'a', tokens: 10 }],
    loss: async () => {
      told.push('first loss');
      return { lossSum: 30, tokens: 10 };
    },
  });
  await searchOutside({
    model: { headDim: 16, theta: 10_000, originalLength: 256 },
    open: async () => ({ name: 'f', objective }),
    targetLength: 512,
    startTokens: [4],
    algorithm: 'cma-es',
    budget: parseBudget('20evals'),
    seed: 1,
    out: path.join(await temporaryFolder(), 'run'),
    command: 'none',
    onNotice: (notice) => told.push(notice),
  });
  expect(told.slice(0, 2)).toEqual([
    expect.stringMatching(/^the winner has start tokens: no config\.json/),
    'first loss',
  ]);
});
