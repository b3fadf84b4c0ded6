import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseJournal } from '../../src/run/index.js';
import { candidateKey } from '../../src/search/candidate.js';
import {
  baselineCandidates,
  type Candidate,
  createAlgorithm,
  type DocumentLoss,
  type LossRequest,
  type Objective,
  parseBudget,
  pullPenalty,
  runSearch,
  type SearchOptions,
  type SearchProgress,
} from '../../src/search/index.js';
import { rejection } from '../helpers/rejection.js';
import { excessLoss, optimum, searchProblem, syntheticObjective } from './problem.js';

const problem = searchProblem({ pairs: 8 });
const GENETIC = ['longrope', 'dim-mono'];
const small = { population_size: 16, parents_size: 8, mutation_numbers: 6, crossover_size: 6 };

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'longrope-driver-')), 'run');
});

/** An objective that remembers what it was asked. */
function counting(objective: Objective): Objective & { readonly requests: LossRequest[] } {
  const requests: LossRequest[] = [];
  return {
    ...objective,
    requests,
    evaluate: (asked, options) => {
      requests.push(...asked);
      return objective.evaluate(asked, options);
    },
  };
}

function options(name: string, budget: string, changes: Partial<SearchOptions> = {}): SearchOptions {
  return {
    problem,
    algorithm: createAlgorithm(name, problem, GENETIC.includes(name) ? small : {}, 1),
    seed: 1,
    objective: syntheticObjective(problem),
    budget: parseBudget(budget),
    runDirectory: directory,
    inputs: { model: 'sha256 of nothing' },
    ...changes,
  };
}

const isLoss = ({ type }: { readonly type: string }) => type === 'loss';

const journal = async () => {
  const path = join(directory, 'journal.jsonl');
  return parseJournal(path, await readFile(path)).entries as {
    readonly type: string;
    readonly [key: string]: unknown;
  }[];
};

describe('runSearch', () => {
  test.each([
    ['cma-es', '200evals'],
    ['cma-es', '500000tokens'],
    ['longrope', '333evals'],
    ['dim-mono', '101evals'],
    ['gradient', '200evals'],
    ['gradient', '400000tokens'],
  ])('%s spends at most %s, and nearly all of it', async (name, budget) => {
    const objective = counting(syntheticObjective(problem));
    const { unit, amount } = parseBudget(budget);
    const result = await runSearch(options(name, budget, { objective }));
    expect(result.stop).toEqual({ budget: `${amount} ${unit}` });
    // A gradient takes a forward pass and a backward pass of twice its arithmetic.
    const evaluations = objective.requests.reduce((sum, { gradient }) => sum + (gradient ? 3 : 1), 0);
    expect(objective.requests.some(({ gradient }) => gradient)).toBe(name === 'gradient');
    expect(result.spent.documents).toBe(evaluations);
    expect(result.spent.tokens).toBe(evaluations * 2047);
    const spent = unit === 'documents' ? result.spent.documents : result.spent.tokens;
    expect(spent).toBeLessThanOrEqual(amount);
    // Less than a generation, or than one candidate on all documents, is left.
    expect(spent).toBeGreaterThan(amount - (GENETIC.includes(name) ? 5 : 12) * (unit === 'tokens' ? 2047 : 1));
  });

  test('baselines on the search documents cost the budget nothing, and no loss that is known is asked for again', async () => {
    const objective = counting(syntheticObjective(problem));
    const without = await runSearch(options('cma-es', '200evals', { objective }));
    expect(without.baselines).toBeUndefined();
    const plain = objective.requests.splice(0);
    const result = await runSearch(
      options('cma-es', '200evals', { objective, scoreBaselines: true, runDirectory: `${directory}-scored` }),
    );
    expect({ ...result, baselines: undefined }).toEqual({ ...without, baselines: undefined });
    expect(objective.requests.slice(0, plain.length)).toEqual(plain);
    const extra = objective.requests.slice(plain.length);
    const identity = ({ candidate, document }: LossRequest) => `${candidateKey(candidate)} on ${document}`;
    const known = new Set(plain.map(identity));
    const all = baselineCandidates(problem).flatMap(({ candidate }) =>
      objective.documents.map((_, document) => identity({ candidate, document })),
    );
    // The search began with PI, NTK, YaRN and half-turn on its first document.
    expect(all.filter((one) => known.has(one)).length).toBeGreaterThanOrEqual(4);
    expect(extra.map(identity)).toEqual(all.filter((one) => !known.has(one)));
    expect(result.baselines?.map(({ name }) => name)).toEqual(['none', 'PI', 'NTK', 'YaRN', 'half-turn']);
    for (const { candidate, documentLosses } of result.baselines ?? []) {
      const losses = await objective.evaluate(objective.documents.map((_, document) => ({ candidate, document })));
      expect(documentLosses).toEqual(losses.map(({ lossSum, tokens }) => lossSum / tokens));
    }
    const json = JSON.parse(await readFile(join(`${directory}-scored`, 'result.json'), 'utf8'));
    expect(json.baselines).toHaveLength(5);
  });

  test('what equals another is not asked for again: at the original length all closed forms are one', async () => {
    const space = { ...searchProblem({ pairs: 8, ratio: 1 }), maxFactor: 4 };
    const [objective, heldOut] = [5, 2].map((count) => counting(syntheticObjective(space, count)));
    const extras: number[] = [];
    const { baselines, heldOut: scores } = await runSearch(
      options('cma-es', '100evals', {
        problem: space,
        algorithm: createAlgorithm('cma-es', space, {}, 1),
        ...(objective && { objective }),
        ...(heldOut && { heldOut }),
        scoreBaselines: true,
        onProgress: ({ extra }) => extras.push(extra.total - extra.done),
      }),
    );
    for (const requests of [objective?.requests ?? [], heldOut?.requests ?? []]) {
      const identities = requests.map(({ candidate, document }) => `${candidateKey(candidate)} on ${document}`);
      expect(new Set(identities).size).toBe(identities.length);
    }
    expect(extras.at(-1)).toBe(0);
    expect(heldOut?.requests).toHaveLength(4);
    for (const of of [baselines ?? [], scores?.scores.slice(1) ?? []]) {
      expect(of.map(({ name }) => name)).toEqual(['none', 'PI', 'NTK', 'YaRN', 'half-turn']);
      expect(new Set(of.map(({ loss }) => loss)).size).toBe(1);
    }
  });

  test('the winner is the best contender on all documents, and what is written says the same', async () => {
    const objective = syntheticObjective(problem);
    const result = await runSearch(options('cma-es', '300evals', { heldOut: syntheticObjective(problem, 2) }));
    const exact = async (candidate: Candidate) =>
      (await objective.evaluate(objective.documents.map((_, document) => ({ candidate, document })))).map(
        ({ lossSum, tokens }) => lossSum / tokens,
      );
    expect(result.contenders.length).toBeGreaterThan(1);
    for (const contender of result.contenders) {
      expect(contender.documentLosses).toEqual(await exact(contender.candidate));
      expect(contender.loss).toBeGreaterThanOrEqual(result.winner.loss);
    }
    expect(result.heldOut?.scores.map(({ name }) => name)).toEqual([
      'searched',
      'none',
      'PI',
      'NTK',
      'YaRN',
      'half-turn',
    ]);
    const [searched, ...baselines] = result.heldOut?.scores ?? [];
    for (const baseline of baselines) expect(searched?.loss).toBeLessThan(baseline.loss);
    const csv = await readFile(join(directory, 'factors.csv'), 'utf8');
    expect(csv.trimEnd().split('\n').map(Number)).toEqual([...result.winner.candidate.factors]);
    const json = JSON.parse(await readFile(join(directory, 'result.json'), 'utf8'));
    expect(json.winner.loss).toBe(result.winner.loss);
    expect(json.heldOut.scores).toHaveLength(6);
  });

  test('a generation of cma-es is scored on one document, in turn; the curve is made comparable', async () => {
    const result = await runSearch(options('cma-es', '200evals'));
    expect(result.curve.slice(0, 7).map(({ scoredOn }) => scoredOn)).toEqual([[0], [1], [2], [3], [4], [0], [1]]);
    const last = result.curve.at(-1);
    expect(last?.comparableLoss).toBeCloseTo(result.winner.loss, 1);
    for (const batch of (await journal()).filter(({ type }) => type === 'batch')) {
      const asked = batch as unknown as { requests: [number, number][]; phase: string };
      if (asked.phase === 'search') expect(new Set(asked.requests.map(([, document]) => document)).size).toBe(1);
    }
  });

  test('no pair of candidate and document is evaluated twice by a genetic search', async () => {
    const objective = counting(syntheticObjective(problem));
    await runSearch(options('longrope', '600evals', { objective }));
    const pairs = objective.requests.map(
      ({ candidate, document }) => `${candidate.factors} ${candidate.startTokens} ${document}`,
    );
    expect(new Set(pairs).size).toBe(pairs.length);
  });

  test('losses that are not finite are journaled and lose', async () => {
    const objective = syntheticObjective(problem);
    const broken: Objective = {
      ...objective,
      evaluate: async (requests) =>
        (await objective.evaluate(requests)).map((loss, i) =>
          excessLoss(problem, (requests[i] as LossRequest).candidate) > 0.2 ? { ...loss, lossSum: Number.NaN } : loss,
        ),
    };
    const result = await runSearch(options('cma-es', '200evals', { objective: broken }));
    expect(Number.isFinite(result.winner.loss)).toBe(true);
    expect((await journal()).some(({ type, lossSum }) => type === 'loss' && lossSum === null)).toBe(true);
    // The infinities come back from the journal.
    const again = await runSearch(options('cma-es', '200evals', { objective: broken }));
    expect(again).toEqual(result);
  });

  test('a model without a single finite loss is a user error', async () => {
    const objective = syntheticObjective(problem);
    const broken: Objective = {
      ...objective,
      evaluate: async (requests) => requests.map(() => ({ lossSum: Number.NaN, tokens: 2047 })),
    };
    const error = await rejection(runSearch(options('cma-es', '100evals', { objective: broken })));
    expect(error.message).toContain('a finite loss');
  });

  test('an interruption can be resumed', async () => {
    const controller = new AbortController();
    const onProgress = ({ spent }: SearchProgress) => {
      if (spent.documents === 100) controller.abort();
    };
    const interrupted = await rejection(
      runSearch(options('longrope', '300evals', { signal: controller.signal, onProgress })),
    );
    expect(interrupted.kind).toBe('interrupted');
    const before = (await journal()).length;
    const objective = counting(syntheticObjective(problem));
    const result = await runSearch(options('longrope', '300evals', { objective }));
    expect(before).toBeGreaterThan(90);
    expect(objective.requests.length).toBeLessThanOrEqual(201);
    expect(result.spent.documents).toBe(300);
  });

  test.each([
    ['longrope', {}],
    ['longrope', { racing: { cap: 0.1 } }],
    ['cma-es', { racing: { cap: 0.1 } }],
  ])('what the clock cut of %s is told again after a resume (%j)', async (name, more) => {
    const exact = syntheticObjective(problem);
    let asked = 0;
    // The 95th evaluation, in a later generation, never ends.
    const stuck: Objective = {
      ...exact,
      evaluate: async (requests, { onResult, signal } = {}) => {
        for (const [index, request] of requests.entries()) {
          if (++asked === 95) await new Promise((_, reject) => signal?.addEventListener('abort', reject));
          onResult?.(index, (await exact.evaluate([request]))[0] as DocumentLoss);
        }
        return exact.evaluate(requests);
      },
    };
    const first = await runSearch(options(name, '1s', { objective: stuck, ...more }));
    expect(first.stop).toEqual({ budget: '1 seconds' });
    const entries = await journal();
    expect(await runSearch(options(name, '1s', { objective: exact, ...more }))).toEqual(first);
    expect(await journal()).toEqual(entries);
  });

  test.each(['longrope', 'cma-es', 'random'])(
    'of two lanes of %s one is stuck when the clock cuts: what the other was ahead is neither counted nor known',
    async (name) => {
      const exact = syntheticObjective(problem);
      let asked = 0;
      const lanes: Objective = {
        ...exact,
        evaluate: async (requests, { onResult, signal } = {}) => {
          const losses = await exact.evaluate(requests);
          let stuck: Promise<void> | null = null;
          for (const index of requests.keys()) {
            if (++asked === 95) stuck = new Promise((_, reject) => signal?.addEventListener('abort', () => reject()));
            else onResult?.(index, losses[index] as DocumentLoss);
          }
          await stuck;
          return losses;
        },
      };
      const first = await runSearch(options(name, '1s', { objective: lanes }));
      expect(first.stop).toEqual({ budget: '1 seconds' });
      const entries = await journal();
      const losses = entries
        .slice(
          0,
          entries.findIndex(({ type }) => type === 'stop'),
        )
        .filter(isLoss);
      expect(losses).toHaveLength(94);
      expect(entries.find(({ type }) => type === 'stop')?.['spent']).toEqual({ documents: 94, tokens: 94 * 2047 });
      const again = counting(exact);
      expect(await runSearch(options(name, '1s', { objective: again }))).toEqual(first);
      expect(again.requests).toEqual([]);
      expect(await journal()).toEqual(entries);
    },
  );

  test('a loss that comes after the clock has cut is left out', async () => {
    const exact = syntheticObjective(problem);
    let asked = 0;
    const late: Objective = {
      ...exact,
      evaluate: async (requests, { onResult, signal } = {}) => {
        const losses = await exact.evaluate(requests);
        for (const index of requests.keys()) {
          // Of two workers one is slow: its result comes when the queue has been given up and the search has gone on.
          if (++asked === 95) {
            await new Promise((resolve) => signal?.addEventListener('abort', resolve));
            setTimeout(() => onResult?.(index, losses[index] as DocumentLoss), 1);
            throw new Error('given up');
          }
          onResult?.(index, losses[index] as DocumentLoss);
        }
        return losses;
      },
    };
    const slow: Objective = {
      ...exact,
      evaluate: async (requests, more) => {
        if (asked >= 95) await new Promise((resolve) => setTimeout(resolve, 20));
        return late.evaluate(requests, more);
      },
    };
    const first = await runSearch(options('longrope', '1s', { objective: slow }));
    expect(first.stop).toEqual({ budget: '1 seconds' });
    expect(await runSearch(options('longrope', '1s', { objective: exact }))).toEqual(first);
  });

  test.each([
    ['cma-es', 1],
    ['longrope', 5],
  ])('the curve of %s compares generations of %d documents by the winner on their tokens', async (name, count) => {
    const exact = syntheticObjective(problem);
    const scoredTokens = exact.scoredTokens.map((_, document) => 100 * (1 + 8 * (document % 2)));
    const uneven: Objective = {
      ...exact,
      scoredTokens,
      evaluate: async (requests, { onResult } = {}) => {
        const losses = await exact.evaluate(requests);
        return losses.map(({ lossSum, tokens }, i) => {
          const own = scoredTokens[(requests[i] as LossRequest).document] as number;
          const loss = { lossSum: (lossSum / tokens) * own, tokens: own };
          onResult?.(i, loss);
          return loss;
        });
      },
    };
    const { curve, winner } = await runSearch(options(name, '200evals', { objective: uneven }));
    expect(curve.length).toBeGreaterThan(2);
    for (const { scoredOn, bestLoss, comparableLoss } of curve) {
      expect(scoredOn).toHaveLength(count);
      const tokens = scoredOn.map((document) => scoredTokens[document] as number);
      const there = scoredOn.reduce(
        (sum, document, i) => sum + (winner.documentLosses[document] as number) * (tokens[i] as number),
        0,
      );
      const all = tokens.reduce((sum, of) => sum + of, 0);
      expect(comparableLoss - winner.loss).toBeCloseTo(bestLoss - there / all, 12);
    }
    // What was measured on all documents needs no moving; of single ones the winner's own are level with it.
    if (count === 5) for (const { bestLoss, comparableLoss } of curve) expect(comparableLoss).toBeCloseTo(bestLoss, 12);
    expect(Math.abs((curve.at(-1)?.comparableLoss as number) - winner.loss)).toBeLessThan(count === 5 ? 1e-12 : 0.05);
  });

  test('a failing objective leaves a run that can be resumed', async () => {
    const objective = syntheticObjective(problem);
    let calls = 0;
    const failing: Objective = {
      ...objective,
      evaluate: (requests, more) =>
        ++calls === 4 ? Promise.reject(new Error('out of memory')) : objective.evaluate(requests, more),
    };
    await expect(runSearch(options('cma-es', '200evals', { objective: failing }))).rejects.toThrow('out of memory');
    expect((await runSearch(options('cma-es', '200evals'))).spent.documents).toBeGreaterThan(180);
  });

  test('another seed, budget or input is refused in the same folder, all at once', async () => {
    await runSearch(options('cma-es', '100evals'));
    const error = await rejection(runSearch(options('cma-es', '120evals', { seed: 2, inputs: { model: 'another' } })));
    expect(error.problems.map(({ where }) => where.replace(/.*, /, ''))).toEqual([
      'budget.amount',
      'inputs.model',
      'seed',
    ]);
  });

  test('a journal of other candidates is refused', async () => {
    await runSearch(options('cma-es', '100evals'));
    const other = createAlgorithm('cma-es', problem, {}, 2);
    const error = await rejection(runSearch(options('cma-es', '100evals', { algorithm: other })));
    expect(error.message).toMatch(/journal\.jsonl, line \d+: expected what this program does at this point/);
  });

  test.each([
    ['cma-es', '18evals', 'at least 19 documents'],
    ['longrope', '4evals', 'at least 5 documents'],
    ['dim-mono', '10000tokens', 'at least 10235 tokens'],
  ])('%s refuses a budget of %s', async (name, budget, expected) => {
    const error = await rejection(runSearch(options(name, budget)));
    expect(error.kind).toBe('usage');
    expect(error.message).toContain(expected);
  });

  test('an objective that scores other numbers of tokens than it says is a bug', async () => {
    const objective = { ...syntheticObjective(problem), scoredTokens: [1, 2, 3, 4, 5] };
    await expect(runSearch(options('cma-es', '100evals', { objective }))).rejects.toThrow(
      '2047 tokens scored of document 0',
    );
  });
});

test('a pull decides between candidates, but every loss shown is the true one', async () => {
  const loss = ({ factors }: Candidate) => excessLoss(problem, { ...optimum(problem), factors });
  const free = await runSearch(options('cma-es', '150evals'));
  const pulled = await runSearch(options('cma-es', '150evals', { pull: 2, runDirectory: `${directory}-pulled` }));
  const size = ({ candidate }: { readonly candidate: Candidate }) => pullPenalty(1, candidate);
  expect(size(pulled.winner)).toBeLessThan(size(free.winner) / 2);
  expect(loss(pulled.winner.candidate)).toBeGreaterThan(loss(free.winner.candidate));
  const worth = pulled.contenders.map((contender) => contender.loss + pullPenalty(2, contender.candidate));
  expect(pulled.winner.loss + pullPenalty(2, pulled.winner.candidate)).toBe(Math.min(...worth));
  const [again] = await syntheticObjective(problem, 1).evaluate([{ candidate: pulled.winner.candidate, document: 0 }]);
  expect(pulled.winner.documentLosses[0]).toBe((again?.lossSum as number) / (again?.tokens as number));
});
