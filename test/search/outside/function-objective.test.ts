import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ALGORITHM_NAMES,
  type Candidate,
  createAlgorithm,
  type DocumentLoss,
  type FunctionObjectiveOptions,
  functionObjective,
  parseBudget,
  runSearch,
} from '../../../src/search/index.js';
import { rejection } from '../../helpers/rejection.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { excessGradient, excessLoss, searchProblem, syntheticObjective } from '../problem.js';

const problem = searchProblem({ pairs: 8 });
const documents = [0, 1, 2].map((i) => ({ name: `document ${i}`, tokens: 2047 }));
const [candidate] = createAlgorithm('cma-es', problem, undefined, 1).ask() as [Candidate];

async function search(algorithm: string, options: Partial<FunctionObjectiveOptions>) {
  return runSearch({
    problem,
    algorithm: createAlgorithm(algorithm, problem, undefined, 1),
    seed: 1,
    objective: functionObjective({ documents, loss: () => ({ lossSum: 1, tokens: 2047 }), ...options }),
    budget: parseBudget(algorithm.startsWith('dim') || algorithm === 'longrope' ? '60evals' : '90evals'),
    runDirectory: path.join(await temporaryFolder(), 'run'),
    inputs: {},
  });
}

describe('a function', () => {
  const loss = (asked: Candidate, document: number, { gradient }: { gradient: boolean }): DocumentLoss => {
    const { logFactors, logAttentionFactor } = excessGradient(problem, asked);
    return {
      lossSum: 2047 * (3.9 + 0.1 * document + excessLoss(problem, asked)),
      tokens: 2047,
      ...(gradient && {
        gradient: {
          logFactors: logFactors.map((slope) => 2047 * slope),
          logAttentionFactor: 2047 * logAttentionFactor,
        },
      }),
    };
  };

  it.each(ALGORITHM_NAMES)('is searched by %s', async (name) => {
    const { winner, contenders } = await search(name, { loss, gradients: true });
    expect(winner.documentLosses[0]).toBeCloseTo(3.9 + excessLoss(problem, winner.candidate), 12);
    expect(winner.loss).toBe(Math.min(...contenders.map((contender) => contender.loss)));
  });

  it('may take its time, several at once; the result is the same', async () => {
    let running = 0;
    let most = 0;
    const slow: typeof loss = (...request) => loss(...request);
    const later = async (asked: Candidate, document: number, options: { gradient: boolean }) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, document));
      running--;
      return slow(asked, document, options);
    };
    expect(await search('cma-es', { loss: later, concurrency: 3 })).toEqual(await search('cma-es', { loss }));
    expect(most).toBe(3);
  });

  it('gives the losses it was written for, in the order of the requests', async () => {
    const exact = syntheticObjective(problem);
    const objective = functionObjective({
      documents: exact.documents.map((name, i) => ({ name, tokens: exact.scoredTokens[i] as number })),
      concurrency: 4,
      loss: async (asked, document) => {
        await new Promise((resolve) => setTimeout(resolve, 5 - document));
        return (await exact.evaluate([{ candidate: asked, document }]))[0] as DocumentLoss;
      },
    });
    const requests = exact.documents.map((_, document) => ({ candidate, document }));
    expect(await objective.evaluate(requests)).toEqual(await exact.evaluate(requests));
  });

  it('may find a loss that is not finite', async () => {
    const objective = functionObjective({ documents, loss: () => ({ lossSum: Number.NaN, tokens: 2047 }) });
    const [found] = await objective.evaluate([{ candidate, document: 0 }]);
    expect(found).toEqual({ lossSum: Number.POSITIVE_INFINITY, tokens: 2047 });
  });

  it('may find derivatives that are not finite either', async () => {
    const logFactors = Array.from(candidate.factors, () => Number.NaN);
    const answer = { lossSum: Number.NaN, tokens: 2047, gradient: { logFactors, logAttentionFactor: Number.NaN } };
    const objective = functionObjective({ documents, gradients: true, loss: () => answer });
    const found = await objective.evaluate([{ candidate, document: 0, gradient: true }]);
    expect(found).toEqual([{ lossSum: Number.POSITIVE_INFINITY, tokens: 2047 }]);
  });

  it('that throws ends the search with what it threw', async () => {
    const thrown = new RangeError('of its own');
    const failing = () => {
      throw thrown;
    };
    await expect(search('cma-es', { loss: failing, concurrency: 2 })).rejects.toBe(thrown);
  });
});

describe('one clear error for a function', () => {
  const gradients = { gradients: true } as const;
  it.each<[what: string, answer: unknown, message: RegExp]>([
    [
      'another number of tokens',
      { lossSum: 1, tokens: 7 },
      /document 0: expected 2047 scored tokens, as announced, found 7/,
    ],
    ['no object', 3, /loss on document 0: expected { lossSum, tokens }/],
    ['a text', { lossSum: '1', tokens: 2047 }, /lossSum/],
    ['nothing', undefined, /expected { lossSum, tokens }/],
  ])('that gives %s', async (_, answer, message) => {
    const error = await rejection(search('cma-es', { loss: () => answer as DocumentLoss }));
    expect(error.message).toMatch(message);
    expect(error.kind).toBe('input');
  });

  it('that gives no gradient, or one of another size', async () => {
    const sum = { lossSum: 1, tokens: 2047 };
    const none = await rejection(search('gradient', { ...gradients, loss: () => sum }));
    expect(none.message).toContain('a gradient, as it was asked for, found a loss alone');
    const gradient = { logFactors: [Number.NaN], logAttentionFactor: 0 };
    const broken = await rejection(search('gradient', { ...gradients, loss: () => ({ ...sum, gradient }) }));
    expect(broken.message).toContain('logFactors');
  });

  it('whose documents are none, are no text or have one name', () => {
    const loss = () => ({ lossSum: 1, tokens: 1 });
    expect(() => functionObjective({ documents: [], loss })).toThrow('expected at least one document, found none');
    const twice = [
      { name: 'a', tokens: 1 },
      { name: 'a', tokens: 0 },
    ];
    expect(() => functionObjective({ documents: twice, loss })).toThrow(/one name twice\n.*found 0/);
  });
});
