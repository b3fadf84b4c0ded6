import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isMonotone } from '../../src/rope/factor-vector.js';
import { type Json, parseJournal } from '../../src/run/index.js';
import { candidateKey, type FactorOrder } from '../../src/search/candidate.js';
import { type DocumentLoss, type Objective, runSearch } from '../../src/search/index.js';
import { stateHash } from '../../src/search/state-hash.js';
import type { Candidate, Evaluation, SearchAlgorithm, SearchProblem } from '../../src/search/types.js';
import { excessGradient, excessLoss, searchProblem, syntheticObjective } from '../search/problem.js';

export interface AlgorithmContract {
  readonly name: string;
  /** What is special about this instance of it. */
  readonly variant?: string;
  /** Fresh instance; hyper-parameters are those of a normal run unless given. */
  create(problem: SearchProblem, seed: number, hyperparameters?: unknown): SearchAlgorithm;
  /** Whether candidates may come again, to be scored on other documents; default: never. */
  readonly repeats?: boolean;
  /** Whether its factors may decrease; default: never. */
  readonly order?: FactorOrder;
  /** Largest factor it may ask. */
  largestFactor(problem: SearchProblem): number;
  /** Candidate evaluations within which it must come this much closer to the optimum than the best of its first generation. */
  readonly evaluations: number;
  readonly gain: number;
  /** Hyper-parameters that make a space of a few candidates. */
  readonly tiny: unknown;
}

/** What every search algorithm promises to the driver. */
export function describeSearchAlgorithm(contract: AlgorithmContract): void {
  const problem = searchProblem();
  const isFree = contract.order === 'free';
  const loss = (candidate: Candidate) => excessLoss(problem, candidate);
  const evaluate = (candidates: readonly Candidate[], f = loss, gradients = false): Evaluation[] =>
    candidates.map((candidate) => {
      const value = f(candidate);
      if (!gradients) return { candidate, loss: value };
      return { candidate, loss: value, gradient: Number.isFinite(value) ? excessGradient(problem, candidate) : null };
    });
  const answer = (algorithm: SearchAlgorithm, candidates: readonly Candidate[], f = loss) =>
    evaluate(candidates, f, algorithm.wantsGradients?.() ?? false);
  const drive = (algorithm: SearchAlgorithm, evaluations: number, f = loss): Candidate[] => {
    const asked: Candidate[] = [];
    while (asked.length < evaluations && Object.keys(algorithm.stop()).length === 0) {
      const candidates = algorithm.ask();
      asked.push(...candidates);
      if (candidates.length > 0) algorithm.tell(answer(algorithm, candidates, f));
    }
    return asked;
  };
  const keys = (candidates: readonly Candidate[]) => candidates.map(candidateKey);

  describe(`${contract.name}${contract.variant ?? ''}`, () => {
    test('carries its name and its hyper-parameters', () => {
      const algorithm = contract.create(problem, 1);
      expect(algorithm.name).toBe(contract.name);
      expect(JSON.parse(JSON.stringify(algorithm.hyperparameters))).toEqual(algorithm.hyperparameters);
    });

    test('is deterministic in its seed', () => {
      const first = keys(drive(contract.create(problem, 3), 150));
      expect(keys(drive(contract.create(problem, 3), 150))).toEqual(first);
      expect(keys(drive(contract.create(problem, 4), 150))).not.toEqual(first);
    });

    test('equal states after equal replays, other states after other losses', () => {
      const [a, b, c] = [1, 1, 1].map((seed) => contract.create(problem, seed)) as [
        SearchAlgorithm,
        SearchAlgorithm,
        SearchAlgorithm,
      ];
      for (const algorithm of [a, b]) drive(algorithm, 130);
      drive(c, 130, (candidate) => -loss(candidate));
      expect(stateHash(a)).toBe(stateHash(b));
      expect(keys(a.ask())).toEqual(keys(b.ask()));
      expect(stateHash(c)).not.toBe(stateHash(a));
    });

    test('keeps the ask/tell order', () => {
      const algorithm = contract.create(problem, 1);
      expect(algorithm.best()).toBeNull();
      expect(() => algorithm.tell([])).toThrow();
      const candidates = algorithm.ask();
      expect(() => algorithm.ask()).toThrow();
      expect(() => algorithm.tell(evaluate([...candidates].reverse()))).toThrow();
    });

    test('refuses NaN', () => {
      const algorithm = contract.create(problem, 1);
      expect(() => algorithm.tell(evaluate(algorithm.ask(), () => Number.NaN))).toThrow();
    });

    test(`stays within its bounds${isFree ? '' : ', and factors never decrease'}`, () => {
      const largest = contract.largestFactor(problem);
      for (const { factors, attentionFactor, startTokens } of drive(contract.create(problem, 5), 400)) {
        expect(factors.length).toBe(problem.rotaryPairs);
        expect(Math.min(...factors)).toBeGreaterThanOrEqual(1);
        expect(Math.max(...factors)).toBeLessThanOrEqual(largest);
        if (!isFree) expect(isMonotone(factors)).toBe(true);
        expect(attentionFactor).toBeGreaterThan(0.5);
        expect(attentionFactor).toBeLessThan(2);
        expect(startTokens).toBeLessThanOrEqual(problem.originalLength);
      }
    });

    test.skipIf(contract.repeats)('never asks a candidate twice', () => {
      const asked = keys(drive(contract.create(problem, 6), 700));
      expect(new Set(asked).size).toBe(asked.length);
    });

    test('best is the lowest loss it was told of its scope, and a contender', () => {
      const algorithm = contract.create(problem, 7);
      const told: Evaluation[][] = [];
      for (let generation = 0; generation < 5; generation++) {
        const evaluations = answer(algorithm, algorithm.ask());
        algorithm.tell(evaluations);
        told.push(evaluations);
        const scope = algorithm.comparesAcrossGenerations ? told.flat() : evaluations;
        expect(algorithm.best()?.loss).toBe(Math.min(...scope.map((evaluation) => evaluation.loss)));
        const best = algorithm.best() as Evaluation;
        expect(keys(algorithm.contenders())).toContain(candidateKey(best.candidate));
      }
    });

    test('says how many gradients it wants at a time, if it wants any', () => {
      const algorithm = contract.create(problem, 7);
      expect(algorithm.gradientCandidates === undefined).toBe(algorithm.wantsGradients === undefined);
      let most = 0;
      for (let generation = 0; generation < 5; generation++) {
        const asked = algorithm.ask();
        if (algorithm.wantsGradients?.() === true) most = Math.max(most, asked.length);
        algorithm.tell(answer(algorithm, asked));
      }
      expect(most).toBe(algorithm.gradientCandidates ?? 0);
    });

    test('a generation cut short by the budget still has its best', () => {
      const algorithm = contract.create(problem, 8);
      const told = evaluate(algorithm.ask()).slice(0, 3);
      algorithm.tell(told);
      expect(algorithm.best()?.loss).toBe(Math.min(...told.map((evaluation) => evaluation.loss)));
      expect(algorithm.contenders().length).toBeGreaterThan(0);
    });

    test('survives losses of +Infinity: all of the first generations, then a third of them', () => {
      const algorithm = contract.create(problem, 9);
      let count = 0;
      while (count < 600) {
        const before = count;
        drive(algorithm, 40, (candidate) => {
          count++;
          return count <= 100 || count % 3 === 0 ? Number.POSITIVE_INFINITY : loss(candidate);
        });
        expect(count).toBeGreaterThan(before);
        // Such losses stand in its state, of which the journal has a hash.
        expect(stateHash(algorithm)).toMatch(/^[0-9a-f]{64}$/);
      }
      expect(algorithm.best()?.loss).toBeLessThan(Number.POSITIVE_INFINITY);
    });

    test('ends when every loss is +Infinity or the same', () => {
      for (const value of [Number.POSITIVE_INFINITY, 4]) {
        const algorithm = contract.create(problem, 10);
        drive(algorithm, 20_000, () => value);
        expect(Object.keys(algorithm.stop())).not.toEqual([]);
        expect(algorithm.ask()).toEqual([]);
        expect(algorithm.contenders().length).toBeGreaterThan(0);
      }
    });

    test('improves on its first generation', () => {
      const algorithm = contract.create(problem, 11);
      const first = Math.min(...drive(algorithm, 1).map(loss));
      drive(algorithm, contract.evaluations);
      expect(Math.min(...algorithm.contenders().map(loss))).toBeLessThan(first / contract.gain);
    });

    test('races, if it has a population: within the budget, in any order of results, to a winner scored on all documents', async () => {
      const runDirectory = async () => join(await mkdtemp(join(tmpdir(), 'longrope-race-')), 'run');
      const race = async (reverse: boolean, directory: string) => {
        const algorithm = contract.create(problem, 13);
        const exact = syntheticObjective(problem);
        const objective: Objective = {
          ...exact,
          evaluate: async (requests, { onResult } = {}) => {
            const losses = await exact.evaluate(requests);
            const order = reverse ? [...losses.keys()].reverse() : losses.keys();
            for (const index of order) onResult?.(index, losses[index] as DocumentLoss);
            return losses;
          },
        };
        const budget = { unit: 'documents', amount: 400 } as const;
        const run = { runDirectory: directory, racing: { cap: 0.1 }, inputs: {} };
        return runSearch({ problem, algorithm, seed: 13, objective, budget, ...run });
      };
      const directory = await runDirectory();
      if (contract.create(problem, 13).wantsGradients !== undefined) {
        await expect(race(false, directory)).rejects.toThrow('an algorithm that compares a population');
        return;
      }
      const result = await race(false, directory);
      expect(result.races?.dropped).toBeGreaterThan(0);
      expect(result.spent.documents).toBeLessThanOrEqual(400);
      if (contract.create(problem, 13).comparesAcrossGenerations) {
        // Nothing was left to score of the best at the end.
        const journal = join(directory, 'journal.jsonl');
        const entries = parseJournal(journal, await readFile(journal)).entries as { phase?: string; requests?: Json }[];
        expect(entries.filter(({ phase }) => phase === 'final')).toMatchObject([{ requests: [] }]);
      }
      expect(await race(true, await runDirectory())).toEqual(result);
    });

    test.each([
      { pairs: 2, ratio: 1.02 },
      { pairs: 3, ratio: 1.1 },
      { pairs: 4, ratio: 2 },
    ])('ends in a tiny space of $pairs pairs at $ratio times', (size) => {
      const small = searchProblem(size);
      const algorithm = contract.create(small, 12, contract.tiny);
      drive(algorithm, 20_000, (candidate) => excessLoss(small, candidate));
      expect(Object.keys(algorithm.stop())).not.toEqual([]);
      expect(algorithm.ask()).toEqual([]);
      expect(algorithm.best()).not.toBeNull();
    });
  });
}
