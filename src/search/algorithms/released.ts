import { type Problem, UserError } from '../../errors.js';
import { releasedYarnFactors } from '../../rope/released-yarn.js';
import { GeneticSearch } from '../genetic/genetic-search.js';
import type { ReleasedSpace, ReleasedVariation } from '../genetic/released-variation.js';
import { type HyperparameterValues, integer, numberOr, parseHyperparameters, real } from '../hyperparameters.js';
import { RandomState } from '../random.js';
import type { SearchAlgorithm, SearchProblem } from '../types.js';

/** The keys and defaults of the released JSON files; `attention_factor` is ours, the released code always uses the formula. */
export const RELEASED_HYPERPARAMETERS = {
  evo_scale: real(1, 0, 1000),
  population_size: integer(64, 1),
  max_time_budget: integer(40, 0),
  mutation_numbers: integer(16, 0),
  crossover_size: integer(16, 0),
  max_crossover_try: integer(20, 1),
  parents_size: integer(32, 1),
  list_step: real(0.01, 0, 1),
  attention_factor: numberOr<'default'>('default', ['default']),
};

/**
 * What both released algorithms share: `evo_scale` multiplies every count and cuts it to an integer, as in the released code.
 * `initial` is the vector that the first population mutates.
 */
export function releasedSearch(
  name: string,
  problem: SearchProblem,
  hyperparameters: unknown,
  seed: number,
  variation: new (space: ReleasedSpace, random: RandomState) => ReleasedVariation,
  initial: Float64Array = releasedYarnFactors(problem, problem),
): SearchAlgorithm {
  const values = parseHyperparameters(RELEASED_HYPERPARAMETERS, hyperparameters, `hyper-parameters of ${name}`);
  refuseOurs(name, problem);
  const settings = scaledSettings(name, values);
  const random = new RandomState(seed);
  const space: ReleasedSpace = {
    initial,
    ratio: problem.ratio,
    step: values.list_step,
    crossoverTries: settings.crossoverTries,
    attentionFactor: values.attention_factor === 'default' ? problem.defaultAttentionFactor : values.attention_factor,
  };
  return new GeneticSearch(name, values, settings, new variation(space, random), random);
}

/** Draw for draw the released search, which has one seed vector and one bound. */
function refuseOurs(name: string, { starts = [], maxFactor, startTokens = [0] }: SearchProblem): void {
  const problems: Problem[] = [];
  const fix = 'the other algorithms take it';
  if (starts.length > 0) problems.push({ where: name, expected: 'no start factors', found: `${starts.length}`, fix });
  if (maxFactor !== undefined)
    problems.push({ where: name, expected: 'no largest factor but its own', found: `${maxFactor}`, fix });
  if (startTokens.some((count) => count > 0))
    problems.push({ where: name, expected: 'no start tokens', found: startTokens.join(', '), fix });
  if (problems.length > 0) throw new UserError('usage', problems);
}

function scaledSettings(name: string, values: HyperparameterValues<typeof RELEASED_HYPERPARAMETERS>) {
  const scaled = (count: number) => Math.trunc(values.evo_scale * count);
  const settings = {
    populationSize: scaled(values.population_size),
    iterations: scaled(values.max_time_budget),
    mutations: scaled(values.mutation_numbers),
    crossovers: scaled(values.crossover_size),
    crossoverTries: scaled(values.max_crossover_try),
    parents: scaled(values.parents_size),
  };
  const problems: Problem[] = [];
  const where = `hyper-parameters of ${name}`;
  if (settings.parents > settings.populationSize) {
    problems.push({
      where: `${where}, parents_size`,
      expected: `at most population_size, ${settings.populationSize}`,
      found: String(settings.parents),
    });
  }
  for (const [key, count] of [
    ['population_size', settings.populationSize],
    ['parents_size', settings.parents],
    ['max_crossover_try', settings.crossoverTries],
    ['mutation_numbers + crossover_size', settings.mutations + settings.crossovers],
  ] as const) {
    if (count < 1)
      problems.push({ where: `${where}, ${key}`, expected: 'at least 1 after evo_scale', found: String(count) });
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return settings;
}
