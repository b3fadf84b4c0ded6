import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DimMonoVariation } from '../../src/search/algorithms/dim-mono.js';
import { DimPieceMonoVariation } from '../../src/search/algorithms/dim-piece-mono.js';
import { releasedSearch } from '../../src/search/algorithms/released.js';
import { searchProblem } from './problem.js';

interface Case {
  readonly algorithm: 'dim-mono' | 'dim-piece-mono';
  readonly ratio: number;
  readonly init: number[];
  readonly target: number[];
  readonly changes: Record<string, number>;
  readonly distinct: number;
  readonly sha256: string;
  readonly best: number[];
}

// Made by parity/released_search_golden.py, which runs the released code itself.
const oracle = JSON.parse(readFileSync(new URL('../oracle/released-search.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};
const variations = { 'dim-mono': DimMonoVariation, 'dim-piece-mono': DimPieceMonoVariation };

describe('the released search evaluates the same candidates, bit for bit', () => {
  test.each(oracle.cases)(
    '$algorithm, $distinct candidates',
    ({ algorithm, ratio, init, target, changes, distinct, sha256, best }) => {
      const problem = searchProblem({ pairs: init.length, ratio });
      const search = releasedSearch(algorithm, problem, changes, 42, variations[algorithm], Float64Array.from(init));
      const hash = createHash('sha256');
      let count = 0;
      while (Object.keys(search.stop()).length === 0) {
        const candidates = search.ask();
        count += candidates.length;
        for (const { factors } of candidates) hash.update(factors);
        const evaluations = candidates.map((candidate) => {
          let loss = 0;
          for (const [i, factor] of candidate.factors.entries()) {
            const gap = factor - (target[i] as number);
            loss += gap * gap;
          }
          return { candidate, loss };
        });
        search.tell(evaluations);
      }
      expect(count).toBe(distinct);
      expect(hash.digest('hex')).toBe(sha256);
      expect([...(search.best()?.candidate.factors ?? [])]).toEqual(best);
    },
  );
});
