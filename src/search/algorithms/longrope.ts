import type { Problem } from '../../errors.js';
import { inOrder, makeCandidate } from '../candidate.js';
import { GeneticSearch } from '../genetic/genetic-search.js';
import { type GridSpace, GridVariation } from '../genetic/grid-variation.js';
import {
  attentionValues,
  nearestIndex,
  PAPER_HYPERPARAMETERS,
  paperSettings,
  startAttention,
} from '../genetic/paper-settings.js';
import { type HyperparameterValues, integer, numberOr, parseHyperparameters } from '../hyperparameters.js';
import { RandomState } from '../random.js';
import { largestFactor, limitKeepers, PAPER_SEEDS, seedCandidates } from '../seeding/seeds.js';
import { lostStartTokens } from '../seeding/starts.js';
import type { SearchAlgorithm, SearchProblem } from '../types.js';

/** Paper, Table 4. */
const START_TOKENS = [0, 1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256];

export const LONGROPE_HYPERPARAMETERS = {
  ...PAPER_HYPERPARAMETERS,
  start_tokens: numberOr<'search'>('search', ['search'], integer(0, 0)),
};

type Values = HyperparameterValues<typeof LONGROPE_HYPERPARAMETERS>;

/** Algorithm 1 of the LongRoPE paper: PI, NTK and YaRN as seeds, start tokens, factors up to 1.25 s that never decrease. */
export function createLongRope(problem: SearchProblem, hyperparameters: unknown, seed: number): SearchAlgorithm {
  const where = 'hyper-parameters of longrope';
  const values = parseHyperparameters(LONGROPE_HYPERPARAMETERS, hyperparameters, where);
  const problems = [
    ...twiceSaid(problem, values, where),
    ...tooManyStartTokens(problem, values, where),
    ...lostStartTokens(problem, startTokenValues(problem, values)),
  ];
  const { settings, perUnit } = paperSettings(problem, values, where, problems);
  const random = new RandomState(seed);
  const variation = new GridVariation(gridSpace(problem, values, perUnit), random);
  return new GeneticSearch('longrope', values, settings, variation, random);
}

function twiceSaid({ startTokens }: SearchProblem, { start_tokens: value }: Values, where: string): Problem[] {
  if (startTokens === undefined || value === 'search') return [];
  return [{ where: `${where}, start_tokens`, expected: 'nothing beside --start-tokens', found: String(value) }];
}

function tooManyStartTokens(
  { originalLength }: SearchProblem,
  { start_tokens: value }: Values,
  where: string,
): Problem[] {
  if (value === 'search' || value <= originalLength) return [];
  return [
    {
      where: `${where}, start_tokens`,
      expected: `at most the original length, ${originalLength}`,
      found: String(value),
    },
  ];
}

function startTokenValues({ startTokens, originalLength }: SearchProblem, { start_tokens: asked }: Values) {
  if (asked !== 'search') return [asked];
  return startTokens ?? START_TOKENS.filter((count) => count <= originalLength);
}

function gridSpace(problem: SearchProblem, values: Values, perUnit: number): GridSpace {
  const { rotaryPairs } = problem;
  // k / perUnit is the double nearest to the decimal; sums of 0.01 are not. The slack forgives a product just below a grid point.
  const largest = Math.floor(largestFactor(problem) * perUnit + 1e-9);
  const factors = Float64Array.from({ length: Math.max(1, largest - perUnit + 1) }, (_, i) => (perUnit + i) / perUnit);
  const startTokens = startTokenValues(problem, values);
  const asked = attentionValues(problem, values.attention_factor);
  // What surely keeps a limit has an attention factor of its own.
  const ofKeepers = limitKeepers(problem).map(({ attentionFactor }) => attentionFactor);
  const attentionFactors = [...new Set([...asked, ...ofKeepers])].sort((a, b) => a - b);
  const nearestFactor = (factor: number) =>
    Math.min(factors.length - 1, Math.max(0, Math.round(factor * perUnit) - perUnit));
  const closedForms = startAttention(problem, asked).flatMap((attention) =>
    seedCandidates(problem, attention, PAPER_SEEDS),
  );
  const seeds = [...(problem.starts ?? []).map((start) => inOrder(start, 'monotone')), ...closedForms].map((seed) =>
    Int32Array.from([
      ...Array.from(seed.factors, nearestFactor),
      Math.max(0, startTokens.indexOf(seed.startTokens)),
      nearestIndex(attentionFactors, seed.attentionFactor),
    ]),
  );
  return {
    pairs: rotaryPairs,
    factors: factors.length,
    others: [startTokens.length, attentionFactors.length],
    firstFree: () => 0,
    seeds,
    mutationRate: values.mutation_probability,
    decode: (genome) =>
      makeCandidate(
        Float64Array.from(genome.subarray(0, rotaryPairs), (index) => factors[index] as number),
        attentionFactors[genome[rotaryPairs + 1] as number] as number,
        startTokens[genome[rotaryPairs] as number] as number,
      ),
  };
}
