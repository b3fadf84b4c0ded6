import { type Problem, UserError } from '../../errors.js';
import { type HyperparameterValues, integer, numberOr, real } from '../hyperparameters.js';
import { attentionFactorRange } from '../seeding/seeds.js';
import type { SearchProblem } from '../types.js';
import type { GeneticSettings } from './genetic-search.js';

const ATTENTION_STEP = 0.01;

/** P, T, N1, N2, parents, p of the LongRoPE paper (section 4.1), under the released key names where these exist. LongRoPE2 has the same. */
export const PAPER_HYPERPARAMETERS = {
  population_size: integer(64, 2),
  max_time_budget: integer(40, 0),
  mutation_numbers: integer(16, 0),
  crossover_size: integer(16, 0),
  parents_size: integer(32, 2),
  /** For targets above this the paper halves the population, mutants and crossovers ("over 512k"). */
  halving_length: integer(512 * 1024, 1),
  mutation_probability: real(0.3, 0, 1),
  list_step: real(0.01, 0, 1),
  attention_factor: numberOr<'default' | 'search'>('default', ['default', 'search']),
};

type Values = HyperparameterValues<typeof PAPER_HYPERPARAMETERS>;

/** Counts of the evolution loop and the grid of factors, multiples of 1 / `perUnit`. Throws `UserError` with every contradiction. */
export function paperSettings(
  { targetLength }: SearchProblem,
  values: Values,
  where: string,
  others: readonly Problem[] = [],
): { readonly settings: GeneticSettings; readonly perUnit: number } {
  const halved = (count: number) => (targetLength > values.halving_length ? Math.floor(count / 2) : count);
  const settings = {
    populationSize: halved(values.population_size),
    iterations: values.max_time_budget,
    mutations: halved(values.mutation_numbers),
    crossovers: halved(values.crossover_size),
    parents: values.parents_size,
  };
  const problems = [...others];
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
  return { settings, perUnit };
}

/** One value, or a grid of hundredths with exactly 1 and the usual formula's value in it. */
export function attentionValues(problem: SearchProblem, asked: Values['attention_factor']): number[] {
  if (asked === 'default') return [problem.defaultAttentionFactor];
  if (asked !== 'search') return [asked];
  const { low, high } = attentionFactorRange(problem);
  const values = new Set([1, problem.defaultAttentionFactor]);
  for (let k = Math.ceil(low / ATTENTION_STEP); k * ATTENTION_STEP <= high; k++) values.add(k / 100);
  return [...values].sort((a, b) => a - b);
}

/** Where seeds begin: both 1 and the usual formula if it is searched, otherwise the only value there is. */
export function startAttention(
  { defaultAttentionFactor }: SearchProblem,
  values: readonly number[],
): readonly number[] {
  return values.length === 1 ? values : [...new Set([1, defaultAttentionFactor])];
}

export function nearestIndex(values: ArrayLike<number>, wanted: number): number {
  const distances = Array.from(values, (value) => Math.abs(value - wanted));
  return distances.indexOf(Math.min(...distances));
}
