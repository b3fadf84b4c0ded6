import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeCandidate } from '../../src/search/candidate.js';
import { comparedLoss } from '../../src/search/compared-loss.js';
import { paretoFront } from '../../src/search/front.js';
import {
  type Candidate,
  createAlgorithm,
  type LossRequest,
  type Objective,
  parseBudget,
  parseObjective,
  runSearch,
  type Score,
} from '../../src/search/index.js';
import { rejection } from '../helpers/rejection.js';
import { limitedObjective, optimum, searchProblem, shortExcess, syntheticObjective } from './problem.js';

const problem = searchProblem({ pairs: 8 });
const small = { population_size: 16, parents_size: 8, mutation_numbers: 6, crossover_size: 6 };
/** Far below what the optimum wants in the middle. */
const MOST = 1.5;

const RISE = 0.04;

async function search(name: string, limited: boolean, budget: string, hyperparameters: unknown = {}, spread = 0) {
  const space = limited ? { ...problem, shortRise: RISE } : problem;
  const runDirectory = join(await mkdtemp(join(tmpdir(), 'longrope-limits-')), 'run');
  const result = await runSearch({
    problem: space,
    algorithm: createAlgorithm(name, space, hyperparameters, 2),
    seed: 2,
    objective: limited ? limitedObjective(problem, MOST, spread) : syntheticObjective(problem),
    budget: parseBudget(budget),
    runDirectory,
    inputs: {},
  });
  return { result, runDirectory };
}

const algorithms = [
  ['gradient', '200evals', {}],
  ['cma-es', '400evals', {}],
  ['longrope', '700evals', small],
] as const;

test.each(algorithms)(
  '%s without a limit goes where the limit would be broken',
  async (name, budget, hyperparameters) => {
    const { winner } = (await search(name, false, budget, hyperparameters)).result;
    expect(shortExcess(problem, winner.candidate, MOST)).toBeGreaterThan(0.3);
    expect(winner.shortExcess).toBeUndefined();
  },
);

test.each(algorithms)(
  '%s keeps a limit and is better than the unscaled model',
  async (name, budget, hyperparameters) => {
    const { result } = await search(name, true, budget, hyperparameters);
    const { winner, contenders } = result;
    expect(winner.shortExcess).toBeCloseTo(shortExcess(problem, winner.candidate, MOST), 12);
    expect(winner.shortExcess).toBeLessThanOrEqual(0);
    expect(winner.candidate.factors.at(-1)).toBeGreaterThan(1);
    const feasible = contenders.filter(({ shortExcess: excess = 0 }) => excess <= 0);
    expect(winner.loss).toBe(Math.min(...feasible.map(({ loss }) => loss)));
  },
);

/** What departs from the unscaled model breaks the limit, but on the first document, where a search begins, nothing does. */
const strict: Objective = {
  ...limitedObjective(problem, MOST),
  evaluate: async (requests, { onResult } = {}) => {
    const losses = await syntheticObjective(problem).evaluate(requests);
    return losses.map((loss, i) => {
      const { candidate, document } = requests[i] as LossRequest;
      const far = [...candidate.factors, candidate.attentionFactor].reduce((sum, x) => sum + Math.log(x) ** 2, 0);
      const excess = document === 0 ? 0.001 * far - 0.05 : far - 0.001;
      const all = { ...loss, parts: [loss.lossSum / loss.tokens, excess], short: { excess } };
      onResult?.(i, all);
      return all;
    });
  },
};

test.each([
  ['cma-es', '60evals', {}],
  ['cma-es', '400evals', { attention_factor: 'default' }],
  ['longrope', '300evals', small],
  ['longrope', '300evals', { ...small, attention_factor: 1.2 }],
  ['random', '100evals', {}],
] as const)('%s (%s, %j) keeps a limit that a single document says nothing of', async (name, budget, values) => {
  const limited = { ...problem, shortRise: RISE };
  const { winner } = await runSearch({
    problem: limited,
    algorithm: createAlgorithm(name, limited, values, 2),
    seed: 2,
    objective: strict,
    budget: parseBudget(budget),
    runDirectory: join(await mkdtemp(join(tmpdir(), 'longrope-limits-')), 'run'),
    inputs: {},
  });
  expect(winner.shortExcess).toBeLessThanOrEqual(0);
});

test.each(['cma-es', 'gradient'])(
  '%s that begins at the unscaled model keeps to the attention factor and start tokens that were asked for',
  (name) => {
    const limited = { ...problem, shortRise: RISE, startTokens: [4, 16] };
    const algorithm = createAlgorithm(name, limited, { attention_factor: 1.2 }, 2);
    const seeds = algorithm.ask();
    const isKeeper = (seed: Candidate) => seed.factors.every((factor) => factor === 1);
    algorithm.tell(seeds.map((candidate) => ({ candidate, loss: isKeeper(candidate) ? 1 : 2 })));
    const asked = algorithm.ask();
    expect(new Set(asked.map(({ attentionFactor }) => attentionFactor))).toEqual(new Set([1.2]));
    for (const { startTokens } of asked) expect([4, 16]).toContain(startTokens);
    expect(algorithm.contenders().filter(isKeeper)).toMatchObject([{ attentionFactor: 1, startTokens: 0 }]);
  },
);

test('a limit that the objective knows nothing of is refused', async () => {
  const limited = { ...problem, shortRise: RISE };
  const run = runSearch({
    problem: limited,
    algorithm: createAlgorithm('cma-es', limited, {}, 2),
    seed: 2,
    objective: syntheticObjective(problem),
    budget: parseBudget('100evals'),
    runDirectory: join(await mkdtemp(join(tmpdir(), 'longrope-limits-')), 'run'),
    inputs: {},
  });
  const error = await rejection(run);
  expect(error.kind).toBe('usage');
  expect(error.message).toMatch(/^short limit: expected an objective that gives the loss at the original length too/);
});

test('gradient uses what the limit allows, however far apart documents are', async () => {
  const { winner } = (await search('gradient', true, '200evals', {}, RISE)).result;
  expect(winner.shortExcess).toBeLessThanOrEqual(0);
  expect(winner.shortExcess).toBeGreaterThan(-RISE / 4);
});

test('candidates that keep the limit rank by loss before all that break it, which rank by how far', () => {
  const candidate = optimum(problem);
  const loss = (lossSum: number, excess: number) =>
    comparedLoss(candidate, [{ lossSum, tokens: 1, short: { excess } }], 0);
  const ranked = [loss(2, -0.1), loss(3, 0), loss(700, -1), loss(1, 0.01), loss(0.5, 2), loss(3, Number.NaN)];
  expect(ranked.toSorted((a, b) => a - b)).toEqual(ranked);
  expect(loss(Number.NaN, -1)).toBe(Number.POSITIVE_INFINITY);
  // One document above and one as far below: the mean decides.
  const both = [0.02, -0.03].map((excess) => ({ lossSum: 2, tokens: 1, short: { excess } }));
  expect(comparedLoss(candidate, both, 0)).toBe(2);
});

test('the front holds what nothing beats in every part', () => {
  const entry = (name: string, a: number, b: number): Score => ({
    name,
    candidate: makeCandidate([1, 2], 1, 0),
    documentLosses: [],
    loss: a + b,
    parts: { a, b },
  });
  const front = paretoFront(
    [entry('worse', 3, 3), entry('low a', 1, 4)],
    [entry('low b', 4, 1), entry('middle', 2, 2), entry('beaten', 4, 2), entry('equal', 2, 2)],
  );
  expect(front.map(({ name, isFront }) => [name, isFront])).toEqual([
    ['worse', false],
    ['low a', true],
    ['low b', true],
    ['middle', true],
    ['equal', true],
  ]);
});

test('a result has the mean of every part, and all candidates of the front with their factors', async () => {
  const { result, runDirectory } = await search('longrope', true, '300evals', small);
  const { winner, front = [] } = result;
  expect(Object.keys(winner.parts ?? {})).toEqual(['easy 2048', 'attention 2048']);
  expect(winner.parts?.['easy 2048']).toBeCloseTo(winner.loss, 12);
  expect(winner.parts?.['attention 2048']).toBeCloseTo(winner.candidate.attentionFactor, 12);
  expect(front.filter(({ isFront }) => isFront).length).toBeGreaterThan(0);
  const stored = JSON.parse(await readFile(join(runDirectory, 'result.json'), 'utf8'));
  expect(stored.front[0].candidate.factors).toEqual([...(front[0]?.candidate.factors ?? [])]);
  expect(stored.front[0].parts).toEqual(front[0]?.parts);
});

test('objectives are read with their weights, and every mistake is named', () => {
  expect(parseObjective('perplexity:1, needle:0.5,longppl')).toEqual([
    { measure: 'perplexity', weight: 1 },
    { measure: 'needle', weight: 0.5 },
    { measure: 'longppl', weight: 1 },
  ]);
  expect(() => parseObjective('perplexty:1,needle:0,longppl:1:2,needle')).toThrow(
    /did you mean perplexity[\s\S]*needle:0[\s\S]*longppl:1:2[\s\S]*needle twice/,
  );
  for (const text of ['', 'needle:', 'needle:x', 'needle:Infinity', 'needle:-1'])
    expect(() => parseObjective(text)).toThrow();
});
