import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createAlgorithm, parseBudget, runSearch } from '../../src/search/index.js';
import { reportPart, reportSearch } from '../../src/workflow/search-progress.js';
import { searchProblem, syntheticObjective } from './problem.js';

const problem = searchProblem({ pairs: 8 });

it.each(['200evals', '300000tokens'])(
  'the share of a search of %s never falls and ends at all of it',
  async (budget) => {
    const shares: number[] = [];
    const details = new Set<string>();
    await runSearch({
      problem,
      algorithm: createAlgorithm('cma-es', problem, {}, 1),
      seed: 1,
      objective: syntheticObjective(problem),
      heldOut: syntheticObjective(problem),
      scoreBaselines: true,
      budget: parseBudget(budget),
      runDirectory: join(await mkdtemp(join(tmpdir(), 'longrope-progress-')), 'run'),
      inputs: {},
      onProgress: reportSearch((done, total, detail) => {
        shares.push(done / total);
        details.add(detail.replace(/^best .*/, 'best'));
      }),
    });
    expect([...details].sort()).toEqual([
      '',
      'best',
      'scoring held-out documents',
      'scoring the closed forms',
      'scoring the contenders',
    ]);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBeCloseTo(1, 10);
  },
);

it('the searches of a curriculum are parts of one, weighed by what they read', () => {
  const seen: [number, number, string][] = [];
  const report = (...progress: [number, number, string]) => seen.push(progress);
  const parts = [
    { targetLength: 2, budget: { unit: 'documents', amount: 10 } },
    { targetLength: 8, budget: { unit: 'documents', amount: 10 } },
  ] as const;
  reportPart(report, parts, 0)(5, 10, 'first');
  reportPart(report, parts, 1)(3, 12, 'second');
  const tokens = parts.map((part) => ({ ...part, budget: { unit: 'tokens', amount: 10 } as const }));
  reportPart(report, tokens, 1)(3, 12, 'second');
  expect(seen).toEqual([
    [10, 100, 'first'],
    [40, 100, 'second'],
    [12.5, 20, 'second'],
  ]);
});
