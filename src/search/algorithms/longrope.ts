import { type Problem, UserError } from '../../errors.js';
import { makeCandidate } from '../candidate.js';
import { GeneticSearch } from '../genetic/genetic-search.js';
import { type GridSpace, GridVariation } from '../genetic/grid-variation.js';
import { integer, numberOr, parseHyperparameters, real } from '../hyperparameters.js';
import { RandomState } from '../random.js';
import { attentionFactorRange, largestFactor, seedCandidates } from '../seeds.js';
import type { SearchAlgorithm, SearchProblem } from '../types.js';

/** Paper, Table 4. */
const START_TOKENS = [0, 1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256];
const ATTENTION_STEP = 0.01;

/** P, T, N1, N2, parents, p of the paper (section 4.1), under the released key names where these exist. */
export const LONGROPE_HYPERPARAMETERS = {
  population_size: integer(64, 2),
  max_time_budget: integer(40, 0),
  mutation_numbers: integer(16, 0),
  crossover_size: integer(16, 0),
  parents_size: integer(32, 2),
  /** For targets above this the paper halves the population, mutants and crossovers ("over 512k"). */
  halving_length: integer(512 * 1024, 1),
  mutation_probability: real(0.3, 0, 1),
  list_step: real(0.01, 0, 1),
  start_tokens: numberOr<'search'>('search', ['search'], integer(0, 0)),
  attention_factor: numberOr<'default' | 'search'>('default', ['default', 'search']),
};

/** Algorithm 1 of the LongRoPE paper: PI, NTK and YaRN as seeds, start tokens, factors up to 1.25 s that never decrease. */
export function createLongRope(problem: SearchProblem, hyperparameters: unknown, seed: number): SearchAlgorithm {
  const where = 'hyper-parameters of longrope';
  const values = parseHyperparameters(LONGROPE_HYPERPARAMETERS, hyperparameters, where);
  const halved = (count: number) => (problem.targetLength > values.halving_length ? Math.floor(count / 2) : count);
  const settings = {
    populationSize: halved(values.population_size),
    iterations: values.max_time_budget,
    mutations: halved(values.mutation_numbers),
    crossovers: halved(values.crossover_size),
    parents: values.parents_size,
  };
  const problems: Problem[] = [];
  if (settings.parents > settings.populationSize) {
    const expected = `at most population_size, ${settings.populationSize}`;
    problems.push({ where: `${where}, parents_size`, expected, found: String(settings.parents) });
  }
  if (settings.mutations + settings.crossovers < 1) {
    problems.push({ where: `${where}, mutation_numbers + crossover_size`, expected: 'at least 1', found: '0' });
  }
  const perUnit = Math.round(1 / values.list_step);
  if (Math.abs(perUnit * values.list_step - 1) > 1e-9) {
    problems.push({ where: `${where}, list_step`, expected: '1/n for an integer n', found: String(values.list_step) });
  }
  if (problems.length > 0) throw new UserError('input', problems);
  const random = new RandomState(seed);
  const variation = new GridVariation(gridSpace(problem, values, perUnit), random);
  return new GeneticSearch('longrope', values, settings, variation, random);
}

function gridSpace(
  problem: SearchProblem,
  values: {
    mutation_probability: number;
    start_tokens: number | 'search';
    attention_factor: number | 'default' | 'search';
  },
  perUnit: number,
): GridSpace {
  const { rotaryPairs, originalLength, defaultAttentionFactor } = problem;
  // k / perUnit is the double nearest to the decimal; sums of 0.01 are not. The slack forgives a product just below a grid point.
  const largest = Math.floor(largestFactor(problem) * perUnit + 1e-9);
  const factors = Float64Array.from({ length: Math.max(1, largest - perUnit + 1) }, (_, i) => (perUnit + i) / perUnit);
  const startTokens =
    values.start_tokens === 'search' ? START_TOKENS.filter((count) => count <= originalLength) : [values.start_tokens];
  const attentionFactors = attentionValues(problem, values.attention_factor);
  const nearestFactor = (factor: number) =>
    Math.min(factors.length - 1, Math.max(0, Math.round(factor * perUnit) - perUnit));
  // Searched: both 1 and the usual formula; otherwise the only value there is.
  const startAttention = attentionFactors.length === 1 ? attentionFactors : [...new Set([1, defaultAttentionFactor])];
  const closedForms = startAttention.flatMap((attention) => seedCandidates(problem, attention));
  const seeds = [...(problem.starts ?? []), ...closedForms].map((seed) =>
    Int32Array.from([
      ...Array.from(seed.factors, nearestFactor),
      Math.max(0, startTokens.indexOf(seed.startTokens)),
      nearestIndex(attentionFactors, seed.attentionFactor),
    ]),
  );
  return {
    pairs: rotaryPairs,
    factors,
    startTokens,
    attentionFactors,
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

/** One value, or a grid of hundredths with exactly 1 and the usual formula's value in it. */
function attentionValues(problem: SearchProblem, asked: number | 'default' | 'search'): number[] {
  if (asked === 'default') return [problem.defaultAttentionFactor];
  if (asked !== 'search') return [asked];
  const { low, high } = attentionFactorRange(problem);
  const values = new Set([1, problem.defaultAttentionFactor]);
  for (let k = Math.ceil(low / ATTENTION_STEP); k * ATTENTION_STEP <= high; k++) values.add(k / 100);
  return [...values].sort((a, b) => a - b);
}

function nearestIndex(values: readonly number[], wanted: number): number {
  const distances = values.map((value) => Math.abs(value - wanted));
  return distances.indexOf(Math.min(...distances));
}
