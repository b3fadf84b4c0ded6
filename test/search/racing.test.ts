import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { wilcoxonGreater } from '../../src/evaluation/index.js';
import { parseJournal } from '../../src/run/index.js';
import {
  type Candidate,
  checkRacing,
  createAlgorithm,
  type Objective,
  parseBudget,
  parseRacing,
  pullPenalty,
  type Racing,
  runSearch,
  type SearchOptions,
} from '../../src/search/index.js';
import { estimatedLoss, fallenBehind, lossOn, type Runner } from '../../src/search/racing-decision.js';
import { RandomState } from '../../src/search/random.js';
import { rejection } from '../helpers/rejection.js';
import { searchProblem, syntheticObjective } from './problem.js';

const TOKENS = 511;
const runner = (losses: readonly number[], penalty = 0): Runner => ({
  losses: new Map(losses.map((loss, document) => [document, { lossSum: loss * TOKENS, tokens: TOKENS }])),
  penalty,
});
/** Of the second of two runners, in a race of eight documents of which these are seen. */
const isOut = (losses: readonly [readonly number[], readonly number[]], settings: string, penalty = 0) =>
  fallenBehind([runner(losses[0]), runner(losses[1], penalty)], [], {
    racing: parseRacing(`cap=none,${settings}`),
    documents: 8,
    rivalCount: 1,
  })[1];

describe('who falls behind', () => {
  const best = [3.0004, 3.0896, 2.9178, 2.7328, 2.8636, 2.7025];
  const other = [3.0216, 3.1364, 2.928, 2.7404, 2.8934, 2.7296];
  const first = (count: number) => [best.slice(0, count), other.slice(0, count)] as const;

  // scipy 1.17 ttest_rel and wilcoxon, alternative 'greater'; blocks of 4 make one look, so the level is not divided.
  test.each([
    ['t', 4, 0.04807337137820805],
    ['t', 6, 0.004869998898779104],
    ['wilcoxon', 4, 0.0625],
    ['wilcoxon', 6, 0.015625],
  ] as const)('%s on %d documents has the p-value of scipy', (name, count, pValue) => {
    const block = 4;
    expect(isOut(first(count), `block=${block},test=${name},level=${pValue * 1.0001}`)).toBe(true);
    expect(isOut(first(count), `block=${block},test=${name},level=${pValue * 0.9999}`)).toBe(false);
  });

  test('the one-sided signed-rank test is that of scipy on either side', () => {
    expect(wilcoxonGreater([1, 2, -3, 4, 5, 6.5, 7])).toBeCloseTo(0.0390625, 12);
    expect(wilcoxonGreater([-1, -2, 3, -4, -5, 60])).toBeCloseTo(0.65625, 12);
    expect(wilcoxonGreater([0, 0])).toBe(1);
  });

  test('the level is divided by looks and rivals', () => {
    const pValue = 0.004869998898779104;
    const out = (level: number, block: number, rivalCount: number) =>
      fallenBehind([runner(best), runner(other)], [], {
        racing: parseRacing(`cap=none,block=${block},level=${level}`),
        documents: 8,
        rivalCount,
      })[1];
    // Blocks of 2 of eight documents: looks at 4 and 6, as two documents are too few.
    for (const [block, looks] of [
      [4, 1],
      [3, 2],
      [2, 2],
      [1, 5],
    ] as const) {
      expect(out(pValue * looks * 9 * 1.0001, block, 9)).toBe(true);
      expect(out(pValue * looks * 9 * 0.9999, block, 9)).toBe(false);
    }
  });

  test('the cap drops without a test, on the whole of what candidates are compared by', () => {
    const settings = (cap: number) => ({ racing: parseRacing(`cap=${cap},level=1e-9`), documents: 8, rivalCount: 1 });
    const pair = [runner([3, 2]), runner([3.3, 2.2])];
    expect(fallenBehind(pair, [], settings(0.2499))).toEqual([false, true]);
    expect(fallenBehind(pair, [], settings(0.2501))).toEqual([false, false]);
    expect(fallenBehind([runner([3, 2]), runner([3, 2], 0.3)], [], settings(0.25))).toEqual([false, true]);
    expect(isOut([best, best], 'level=0.05', 1e-9)).toBe(true);
    // Whatever cannot be dropped itself is a rival too.
    expect(fallenBehind(pair, [runner([2.5, 1.5])], settings(0.25))).toEqual([true, true]);
  });

  test('a loss that is not finite is behind any that is, and nothing is behind it', () => {
    const bad = runner([3, Number.POSITIVE_INFINITY]);
    const options = { racing: parseRacing('cap=none'), documents: 8, rivalCount: 1 };
    expect(fallenBehind([runner([3, 2]), bad], [], options)).toEqual([false, true]);
    expect(fallenBehind([bad, bad], [], options)).toEqual([false, false]);
  });

  test.each(['t', 'wilcoxon'])(
    'the candidate that is best in truth is dropped in at most a share `level` of races: %s',
    (name) => {
      const random = new RandomState(5);
      const racing = parseRacing(`cap=none,block=3,level=0.2,test=${name}`);
      const [documents, runners, races] = [12, 4, 1500];
      let wrong = 0;
      for (let race = 0; race < races; race++) {
        // All are the same in truth, the hardest case; the first stands for the best.
        const losses = Array.from({ length: runners }, () =>
          Array.from({ length: documents }, (_, document) => 3 + 0.2 * document + 0.1 * random.normal()),
        );
        let left = [...losses.keys()];
        for (let seen = 3; seen < documents; seen += 3) {
          const out = fallenBehind(
            left.map((i) => runner((losses[i] as number[]).slice(0, seen))),
            [],
            { racing, documents, rivalCount: runners - 1 },
          );
          left = left.filter((_, i) => !out[i]);
        }
        if (!left.includes(0)) wrong++;
      }
      expect(wrong).toBeGreaterThan(0);
      expect(wrong / races).toBeLessThan(0.2);
    },
  );
});

test('a dropped candidate is told what it was behind, on the level of all documents, and never as good as the best', () => {
  // Documents 2 and 3 are harder by one nat.
  const [a, b] = [runner([2, 2.2, 3.1, 3.1]), runner([2.2, 2.2, 3.3, 3.3])];
  const on = [0, 1, 2, 3];
  expect(estimatedLoss(runner([2.4, 2.6]), [a, b], on)).toBeCloseTo(2.5 - 2.15 + 2.675, 12);
  expect(estimatedLoss(runner([2.4, 2.6], 0.5), [a, b], on)).toBeCloseTo(0.5 + 2.5 - 2.15 + 2.675, 12);
  const best = lossOn(a, on);
  const told = estimatedLoss(runner([1, 1]), [a, b], on);
  expect(told).toBeGreaterThan(best);
  expect(told - best).toBeLessThan(1e-12);
  expect(estimatedLoss(runner([Number.POSITIVE_INFINITY]), [a], on)).toBe(Number.POSITIVE_INFINITY);
  expect(estimatedLoss(runner([1, 1]), [runner([1, 1, Number.POSITIVE_INFINITY, 1])], on)).toBe(
    Number.POSITIVE_INFINITY,
  );
});

describe('parseRacing', () => {
  test('reads settings, the rest has defaults', () => {
    const defaults: Racing = { block: 2, level: 0.05, test: 't', cap: 0.25, documents: 'all' };
    expect(parseRacing('')).toEqual(defaults);
    expect(parseRacing('block=3, cap=none,test=wilcoxon')).toEqual({
      ...defaults,
      block: 3,
      cap: 'none',
      test: 'wilcoxon',
    });
  });

  test.each([
    ['block', 'racing: expected settings such as'],
    ['block=', 'racing: expected settings such as'],
    ['block=1,block=2', 'block once'],
    ['blok=1', 'did you mean "block"'],
    ['block=0', 'an integer >= 1, found 0'],
    ['block=1.5', 'an integer >= 1, found 1.5'],
    ['level=NaN', '"NaN"'],
    ['level=1', 'a number > 0 and <= 0.5'],
    ['test=f', '"t" or "wilcoxon"'],
    ['cap=-1', '"none" or a number > 0'],
    ['documents=1', '"all" or an integer >= 2'],
  ])('refuses %s', (text, message) => {
    expect(() => parseRacing(text)).toThrow(message);
    expect(() => parseRacing(text)).toThrow(expect.objectContaining({ kind: 'usage' }));
  });
});

const problem = searchProblem({ pairs: 8 });
const small = { population_size: 16, parents_size: 8, mutation_numbers: 6, crossover_size: 6 };
let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'longrope-racing-')), 'run');
});

function options(name: string, changes: Partial<SearchOptions> = {}, hyperparameters?: object): SearchOptions {
  const values = hyperparameters ?? (name === 'cma-es' ? {} : small);
  return {
    problem,
    algorithm: createAlgorithm(name, problem, values, 1),
    seed: 1,
    objective: syntheticObjective(problem),
    racing: {},
    budget: parseBudget('300evals'),
    runDirectory: directory,
    inputs: {},
    ...changes,
  };
}

interface Entry {
  readonly type: string;
  readonly phase?: string;
  readonly generation: number;
  readonly documents?: number;
  readonly requests: readonly [number, number][];
  readonly candidates: readonly unknown[];
}
const journal = async (folder = directory) => {
  const path = join(folder, 'journal.jsonl');
  return parseJournal(path, await readFile(path)).entries as unknown as Entry[];
};
const blocks = (entries: readonly Entry[]) =>
  entries.filter(({ type, phase }) => type === 'batch' && phase === 'search');

/** Hard enough a cap that the synthetic problem drops somebody. */
const racing = { cap: 0.1 };

describe('runSearch with racing', () => {
  test.each(['cma-es', 'longrope', 'dim-mono', 'dim-piece-mono'])(
    '%s: those that are left share every block, those that are dropped are not asked again, and races begin elsewhere each time',
    async (name) => {
      const result = await runSearch(options(name, { racing }));
      const asked = blocks(await journal());
      for (const generation of new Set(asked.map((batch) => batch.generation))) {
        let before: string[] | null = null;
        for (const { candidates, requests } of asked.filter((batch) => batch.generation === generation)) {
          const documents = [...new Set(requests.map(([, document]) => document))];
          expect(requests).toEqual(candidates.flatMap((_, c) => documents.map((document) => [c, document])));
          const keys = candidates.map((candidate) => JSON.stringify(candidate));
          // The last generation of a genetic search races in groups, as far as the budget pays.
          if (before === null || !keys.every((key) => before?.includes(key)))
            expect(documents).toEqual([2 * generation, 2 * generation + 1].map((document) => document % 5));
          else expect(documents.length).toBeLessThanOrEqual(2);
          before = keys;
        }
      }
      const { candidates, dropped, evaluations, planned } = result.races as NonNullable<typeof result.races>;
      expect(dropped).toBeGreaterThan(0);
      expect(dropped).toBeLessThan(candidates);
      expect(evaluations).toBe(asked.reduce((sum, { requests }) => sum + requests.length, 0));
      expect(planned).toBeGreaterThan(evaluations);
      const noted = (await journal()).filter(({ type }) => type === 'dropped');
      expect(noted.reduce((sum, entry) => sum + entry.candidates.length, 0)).toBe(dropped);
    },
  );

  test.each([
    ['cma-es', '200evals'],
    ['cma-es', '500000tokens'],
    ['cma-es', '27evals'],
    ['longrope', '333evals'],
    ['longrope', '7evals'],
    ['dim-mono', '101evals'],
    ['dim-piece-mono', '300000tokens'],
  ])('%s spends at most %s, and nearly all of it', async (name, budget) => {
    const { unit, amount } = parseBudget(budget);
    const result = await runSearch(options(name, { racing, budget: parseBudget(budget) }));
    expect(result.stop).toEqual({ budget: `${amount} ${unit}` });
    expect(result.spent.tokens).toBe(2047 * result.spent.documents);
    const spent = unit === 'documents' ? result.spent.documents : result.spent.tokens;
    expect(spent).toBeLessThanOrEqual(amount);
    expect(spent).toBeGreaterThan(amount - (name === 'cma-es' ? 21 : 5) * (unit === 'tokens' ? 2047 : 1));
    expect(result.winner.documentLosses).toHaveLength(5);
  });

  // The independent oracle: where nobody can be dropped a race is the search without one.
  test.each([
    ['longrope', { ...small, max_time_budget: 3 }],
    ['dim-mono', { ...small, max_time_budget: 3 }],
    ['cma-es', { documents_per_generation: 'all', tolerance: 0.99 }],
  ] as const)('%s without drops ends as without racing, bit for bit', async (name, hyperparameters) => {
    const never = { level: 1e-300, cap: 'none' } as const;
    const budget = parseBudget('900evals');
    const raced = await runSearch(options(name, { racing: never, budget }, hyperparameters));
    const { racing: _, ...plain } = options(name, { budget, runDirectory: `${directory}-plain` }, hyperparameters);
    const { races, ...same } = raced;
    expect(same).toEqual(await runSearch(plain));
    expect(races?.dropped).toBe(0);
    expect(races?.evaluations).toBe(races?.planned);
    const told = (entries: readonly Entry[]) => entries.filter(({ type }) => type === 'told');
    expect(told(await journal())).toEqual(told(await journal(`${directory}-plain`)));
  });

  test('the winner was scored on all documents, the pull included in what decides', async () => {
    for (const name of ['cma-es', 'longrope']) {
      const pull = 0.5;
      const run = options(name, { racing, pull, runDirectory: `${directory}-${name}` });
      const { winner, contenders } = await runSearch(run);
      const exact = await run.objective.evaluate(
        run.objective.documents.map((_, document) => ({ candidate: winner.candidate, document })),
      );
      expect(winner.documentLosses).toEqual(exact.map(({ lossSum, tokens }) => lossSum / tokens));
      // A genetic search ends with a winner of its races, of which nothing is left to score.
      const final = (await journal(`${directory}-${name}`)).filter(({ phase }) => phase === 'final');
      if (name === 'longrope') expect(final.map(({ requests }) => requests)).toEqual([[]]);
      const worth = contenders.map((contender) => contender.loss + pullPenalty(pull, contender.candidate));
      expect(winner.loss + pullPenalty(pull, winner.candidate)).toBe(Math.min(...worth));
    }
  });

  test('races of fewer documents than there are walk through all of them', async () => {
    await runSearch(options('cma-es', { racing: { documents: 3, ...racing } }));
    const asked = blocks(await journal());
    const first = asked.filter(({ generation }) => generation === 1);
    expect(
      first.flatMap(({ requests }) => requests.map(([, document]) => document)).every((d) => [2, 3, 4].includes(d)),
    ).toBe(true);
    expect(new Set(asked.flatMap(({ requests }) => requests.map(([, document]) => document))).size).toBe(5);
  });

  test('losses that are not finite fall behind', async () => {
    const objective = syntheticObjective(problem);
    const broken: Objective = {
      ...objective,
      evaluate: async (requests) =>
        (await objective.evaluate(requests)).map((loss, i) =>
          (requests[i]?.candidate.factors.at(-1) ?? 0) > 8.5 ? { ...loss, lossSum: Number.NaN } : loss,
        ),
    };
    for (const name of ['cma-es', 'longrope']) {
      const result = await runSearch(options(name, { objective: broken, runDirectory: `${directory}-${name}` }));
      expect(result.winner.candidate.factors.at(-1)).toBeLessThanOrEqual(8.5);
      const entries = await journal(`${directory}-${name}`);
      const asked = blocks(entries);
      let broke = 0;
      // The last one may race on as few documents as the budget pays, without a look.
      for (let generation = 0; generation < (asked.at(-1)?.generation ?? 0); generation++) {
        const { candidates } = asked.find((batch) => batch.generation === generation) as Entry;
        const isBroken = (candidate: unknown) => ((candidate as Candidate).factors.at(-1) ?? 0) > 8.5;
        const bad = [...candidates.keys()].filter((place) => isBroken(candidates[place]));
        const dropped = entries.find(
          (entry) => entry.type === 'dropped' && entry.generation === generation && entry.documents === 2,
        );
        expect(dropped?.candidates ?? []).toEqual(expect.arrayContaining(bad));
        broke += bad.length;
      }
      expect(broke).toBeGreaterThan(0);
    }
  });

  test.each([
    ['gradient', {}, 5, 'expected an algorithm that compares a population, found gradient'],
    ['cma-es', { block: 5 }, 5, 'fewer documents than those of a race, 5'],
    ['cma-es', {}, 1, 'fewer documents than those of a race, 1'],
    ['cma-es', { documents: 6 }, 5, 'at most 5, found 6'],
    ['longrope', { documents: 3 }, 5, 'all for longrope'],
    ['cma-es', { test: 'wilcoxon' }, 5, 'ranks of 4 documents cannot be as rare as the level 0.05'],
    ['cma-es', { test: 'wilcoxon' }, 8, 'the level 0.05, shared among 2 looks and 9 rivals, found wilcoxon'],
    ['longrope', { test: 'wilcoxon', block: 7 }, 8, 'shared among 1 looks and 31 rivals'],
    ['cma-es', { cap: 'none' }, 3, 'a cap where fewer than three documents are looked at'],
    ['cma-es', { level: 0 }, 5, 'racing, level: expected a number > 0'],
  ] as const)('%s refuses %j on %d documents', async (name, settings, count, message) => {
    const error = await rejection(
      runSearch(options(name, { racing: settings, objective: syntheticObjective(problem, count) }, {})),
    );
    expect(error.kind).toBe('usage');
    expect(error.message).toContain(message);
  });

  test.each([
    ['cma-es', {}, 9],
    ['cma-es', { population_size: 'default' }, 9],
    ['longrope', {}, 31],
    ['longrope', small, 11],
    ['dim-mono', { evo_scale: 0.5 }, 15],
    ['random', {}, 15],
  ])('ranks are refused to the rivals of %s (%j) on one document less than they need', (name, values, rivals) => {
    const algorithm = createAlgorithm(name, problem, values, 1);
    const needed = Math.ceil(Math.log2(rivals / 0.05));
    const check = (documents: number) =>
      checkRacing(parseRacing(`test=wilcoxon,block=${documents - 1}`), algorithm, documents);
    expect(() => check(needed)).toThrow(`shared among 1 looks and ${rivals} rivals`);
    expect(() => check(needed + 1)).not.toThrow();
  });

  test('other settings are refused in the same folder', async () => {
    await runSearch(options('cma-es', { budget: parseBudget('100evals') }));
    const error = await rejection(
      runSearch(options('cma-es', { budget: parseBudget('100evals'), racing: { cap: 0.5 } })),
    );
    expect(error.message).toContain('racing.cap');
  });
});
