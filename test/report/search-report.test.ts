import { expect, test } from 'vitest';
import type { MethodPerplexity } from '../../src/evaluation/index.js';
import { headline, renderTerminal, reportViewSchema, SEARCHED, searchReport } from '../../src/report/index.js';
import { makeCandidate } from '../../src/search/candidate.js';
import type { Score, SearchResult } from '../../src/search/index.js';

const candidate = makeCandidate([1, 2, 4, 8], 1, 0);
const scored = (name: string, loss: number): Score => ({ name, candidate, documentLosses: [loss], loss });
const result: SearchResult = {
  algorithm: 'cma-es',
  seed: 1,
  stop: { budget: '50 documents' },
  spent: { documents: 47, tokens: 4700 },
  winner: scored(SEARCHED, 3.5),
  contenders: [],
  // One lucky document: its generation looks better than the answer is.
  curve: [
    { generation: 0, documents: 10, tokens: 1000, scoredOn: [0], bestLoss: 3.2, medianLoss: 3.4, comparableLoss: 3.2 },
    { generation: 1, documents: 20, tokens: 2000, scoredOn: [1], bestLoss: 3.6, medianLoss: 3.7, comparableLoss: 3.6 },
  ],
  baselines: [scored('YaRN', 3.7)],
  heldOut: null,
};

function perplexity(method: string, losses: readonly number[], tokens: readonly number[]): MethodPerplexity {
  const total = tokens.reduce((sum, count) => sum + count, 0);
  const meanLoss = losses.reduce((sum, loss, i) => sum + loss * (tokens[i] as number), 0) / total;
  return {
    method,
    length: 512,
    ratio: 2,
    attentionFactor: 1,
    startTokens: 0,
    result: {
      protocol: { name: 'document', length: 512 },
      bos: false,
      perplexity: Math.exp(meanLoss),
      meanLoss,
      interval: null,
      bootstrap: null,
      tokens: total,
      documents: losses.map((loss, i) => ({ id: `${i}`, tokens: tokens[i] as number, windows: 1, meanLoss: loss })),
      lossByPosition: [],
    },
  };
}

function viewOf(perplexities: readonly MethodPerplexity[]) {
  return searchReport({
    subject: 'a model',
    command: 'none',
    generatedBy: 'a test',
    inputs: [],
    rope: {
      geometry: { headDim: 8, rotaryDim: 8, theta: 10_000 },
      originalLength: 256,
      maxPositionEmbeddings: 256,
      scaling: { type: 'default' },
    },
    targetLength: 512,
    result,
    methods: [
      { name: 'YaRN', kind: 'baseline' },
      { name: SEARCHED, kind: 'searched' },
    ],
    factors: [],
    perplexities,
    protocol: '',
    notes: [],
  });
}

test('a search is said to have found what its winner scores on all documents, for all that was spent', () => {
  const view = viewOf([]);
  expect(headline(view)).toEqual({
    statement: 'Searched reaches a loss of 3.5000 at 512 tokens (YaRN: 3.7000)',
    qualifications: [
      'Found by cma-es in 47 document evaluations.',
      'Nothing held out is compared here: whether the difference to YaRN is significant is not known from this report.',
    ],
  });
  expect(renderTerminal(view)).toMatch(/searched \(cma-es\) +3\.5000 +47 +4,700/);
});

test('a report from before says what it can: the end of its curve', () => {
  const { found: _, ...earlier } = viewOf([]).searches[0]!.runs[0]!;
  const view = viewOf([]);
  const parsed = reportViewSchema.parse({ ...view, searches: [{ ...view.searches[0], runs: [earlier] }] });
  expect(headline(parsed).statement).toContain('a loss of 3.2000');
});

test('documents of different length count in a paired ratio as they do in the perplexities', () => {
  const tokens = [1000, 10];
  const [ours, theirs] = [perplexity(SEARCHED, [3, 4], tokens), perplexity('YaRN', [3.1, 3], tokens)];
  const [comparison] = viewOf([theirs, ours]).perplexity[0]!.comparisons;
  expect(comparison?.ratio).toBeCloseTo(ours.result.perplexity / theirs.result.perplexity, 12);
});
