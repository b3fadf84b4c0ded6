import { UserError } from '../../errors.js';
import { candidateJson, checkTold, distinct, FACTOR_ORDERS, type FactorOrder } from '../candidate.js';
import { CmaSearch } from '../cma/cma-search.js';
import { defaultPopulationSize } from '../cma/parameters.js';
import { MAX_CONDITION } from '../cma/strategy.js';
import { type HyperparameterValues, integer, numberOr, parseHyperparameters, real, word } from '../hyperparameters.js';
import { IncrementSpace } from '../increment-space.js';
import { RandomState } from '../random.js';
import { Seeding } from '../seeding/seeding.js';
import { limitKeepers, originOf } from '../seeding/seeds.js';
import type { Candidate, Evaluation, Json, SearchAlgorithm, SearchProblem, StopReasons } from '../types.js';

const SMALLEST_POPULATION = 4;

/** Generations in a row without information (all losses equal, or none finite) after which the search ends. */
const MAX_EMPTY_GENERATIONS = 10;

export const CMA_ES_HYPERPARAMETERS = {
  /** "default": 4 + floor(3 ln n), Hansen's. Fewer learn more from a few hundred evaluations. */
  population_size: numberOr<'default'>(10, ['default'], integer(SMALLEST_POPULATION, SMALLEST_POPULATION)),
  initial_sigma: real(0.4, 0, 10),
  factors: word<FactorOrder>('free', FACTOR_ORDERS),
  correlation_decades: real(0.25, 0, 100),
  independent_share: real(0.2, 0, 1),
  least_increase: real(0.064, 0, 10),
  attention_factor: numberOr<'search' | 'default'>('search', ['search', 'default']),
  attention_sigma: real(0.05, 0, 1),
  documents_per_generation: numberOr<'all'>(1, ['all'], integer(1, 1)),
  /** "unless started": closed forms are not scored where the user gave factors to start from. */
  closed_forms: word<'always' | 'unless started'>('always', ['always', 'unless started']),
  /** "adaptive": they follow how much of each step is noise. */
  learning_rates: word<'fixed' | 'adaptive'>('fixed', ['fixed', 'adaptive']),
  /**
   * After so many generations of a search its step size is halved, once: few candidates ranked on a single document are noisy, and the
   * path of their mean, which adapts it, is longer for that than progress would make it.
   */
  halving_generation: numberOr<'never'>(16, ['never'], integer(1, 1)),
  /** How many directions a search moves in at first, the smoothest ones, beside attention factor and start tokens. */
  first_directions: numberOr<'all'>('all', ['all'], integer(1, 1)),
  /** After so many generations it moves in all. */
  free_generation: integer(16, 1),
  /** How many of the best of a generation (of the first: of the other seeds) come into the next one, on its documents. */
  elites: integer(0, 0),
  /** How often the search begins anew where it has come to its end before the budget, each time at the next best seed. */
  restarts: integer(1, 0),
  /** Ends a search when no direction's standard deviation is larger, relative to the initial ones. */
  tolerance: real(1e-3, 0, 1),
};

type Values = HyperparameterValues<typeof CMA_ES_HYPERPARAMETERS>;

/**
 * CMA-ES over the factors, by default ln factor of each pair by itself, and the attention factor, from the best of the seeds (`Seeding`).
 * It compares candidates of one generation only, so each generation may be scored on a few documents in turn: cheaper generations, hence
 * more of them.
 */
class CmaEs implements SearchAlgorithm {
  readonly name = 'cma-es';
  readonly comparesAcrossGenerations = false;
  readonly documentsPerGeneration: number | 'all';
  private readonly seeding: Seeding;
  private search: CmaSearch | null = null;
  private asked: readonly Candidate[] | null = null;
  /** Where the searches that have come to their end were, the last one first. */
  private ended: readonly Candidate[] = [];
  private generationWinner: Evaluation | null = null;
  private emptyGenerations = 0;

  constructor(
    private readonly problem: SearchProblem,
    readonly hyperparameters: Values,
    private readonly random: RandomState,
  ) {
    this.documentsPerGeneration = hyperparameters.documents_per_generation;
    const isStarted = hyperparameters.closed_forms === 'unless started' && (problem.starts ?? []).length > 0;
    this.seeding = new Seeding(problem, {
      attentionFactor: hyperparameters.attention_factor,
      order: hyperparameters.factors,
      closedForms: !isStarted,
    });
  }

  ask(): readonly Candidate[] {
    if (this.asked !== null) throw new Error('ask before the last candidates were told');
    if (Object.keys(this.stop()).length > 0) return [];
    this.asked = this.search === null ? this.seeding.ask() : this.search.ask(this.random);
    return this.asked;
  }

  tell(evaluations: readonly Evaluation[]): void {
    const { asked, search } = this;
    if (asked === null) throw new Error('tell without an ask');
    this.asked = null;
    if (search === null) {
      this.seeding.tell(evaluations);
      if (this.seeding.done) this.search = this.start(0);
      return;
    }
    checkTold(asked, evaluations);
    if (evaluations.length < asked.length) return;
    const ranks = [...evaluations.keys()].sort((a, b) => compareLosses(evaluations[a], evaluations[b]) || a - b);
    this.generationWinner = evaluations[ranks[0] as number] as Evaluation;
    const isEmpty = evaluations.every(({ loss }) => loss === evaluations[0]?.loss);
    this.emptyGenerations = isEmpty ? this.emptyGenerations + 1 : 0;
    search.tell(isEmpty ? null : ranks);
    if (!isEmpty && Object.keys(this.stop()).length > 0) this.restart(search);
  }

  get generationSize(): number {
    const { population_size: size, attention_factor: attention } = this.hyperparameters;
    return size === 'default'
      ? defaultPopulationSize(this.problem.rotaryPairs + (attention === 'search' ? 1 : 0))
      : size;
  }

  stop(): StopReasons {
    const { search } = this;
    if (search === null) return {};
    const { tolerance } = this.hyperparameters;
    return {
      ...(search.spread < tolerance ? { tolerance } : {}),
      ...(search.isDegenerate ? { degenerate: MAX_CONDITION } : {}),
      ...(this.emptyGenerations >= MAX_EMPTY_GENERATIONS ? { uninformative: this.emptyGenerations } : {}),
    };
  }

  /** The best of the last generation, or the best seed: losses of other generations may be on other documents. */
  best(): Evaluation | null {
    return this.generationWinner ?? this.seeding.best;
  }

  contenders(): readonly Candidate[] {
    const { search, generationWinner, ended, seeding } = this;
    const told = (evaluation: Evaluation | null) => (evaluation ? [evaluation.candidate] : []);
    return distinct([
      ...(search === null ? [] : [search.mean]),
      // Where there was one search its last generation comes second, else where the one before has ended.
      ...(ended.length === 0 ? told(generationWinner) : ended.slice(0, 1)),
      // One of the first three, which the budget always covers, must keep the limit: generations know it on a few documents only.
      ...limitKeepers(this.problem),
      ...ended.slice(1),
      ...told(seeding.best),
      ...told(generationWinner),
    ]);
  }

  state(): Json {
    return {
      seeding: this.seeding.state(),
      search: this.search?.state() ?? null,
      emptyGenerations: this.emptyGenerations,
      ...(this.ended.length > 0 && { ended: this.ended.map(candidateJson) }),
      random: this.random.state(),
    };
  }

  /** Around the seed of this rank. */
  private start(rank: number): CmaSearch {
    const values = this.hyperparameters;
    const seeds = this.seeds();
    const { candidate: seed } = seeds[rank] as Evaluation;
    const space = new IncrementSpace(this.problem, originOf(this.problem, seed, values.attention_factor), {
      factors: values.factors,
      deviation: values.initial_sigma,
      correlationDecades: values.correlation_decades,
      independentShare: values.independent_share,
      leastIncrease: values.least_increase,
      holdsShortest: values.factors === 'free',
      attentionDeviation: values.attention_factor === 'search' ? values.attention_sigma : 0,
      startTokensDeviation: 1,
    });
    const options = {
      populationSize: values.population_size,
      learningRates: values.learning_rates,
      halvingGeneration: values.halving_generation,
      firstDirections: values.first_directions,
      freeGeneration: values.free_generation,
      elites: values.elites,
      tolerance: values.tolerance,
    };
    const others = seeds.filter(({ loss }, i) => i !== rank && Number.isFinite(loss));
    return new CmaSearch(
      space,
      options,
      others.map(({ candidate }) => candidate),
    );
  }

  /** Each set of factors once, where it comes first. */
  private seeds(): readonly Evaluation[] {
    const points = this.seeding.startingPoints;
    const keys = points.map(({ candidate }) => candidate.factors.join());
    return points.filter((_, i) => keys.indexOf(keys[i] as string) === i);
  }

  /** At the next best seed, where a search has come to its end. */
  private restart({ mean }: CmaSearch): void {
    const searches = this.ended.length + 1;
    const next = this.seeds()[searches];
    if (next === undefined || !Number.isFinite(next.loss) || searches > this.hyperparameters.restarts) return;
    this.ended = [mean, ...this.ended];
    this.search = this.start(searches);
  }
}

function compareLosses(a: Evaluation | undefined, b: Evaluation | undefined): number {
  const [x, y] = [a?.loss as number, b?.loss as number];
  return x < y ? -1 : x > y ? 1 : 0;
}

export function createCmaEs(problem: SearchProblem, hyperparameters: unknown, seed: number): SearchAlgorithm {
  const where = 'hyper-parameters of cma-es';
  const values = parseHyperparameters(CMA_ES_HYPERPARAMETERS, hyperparameters, where);
  const { elites, population_size: size } = values;
  // The default population is never smaller than the smallest.
  if (elites > (size === 'default' ? SMALLEST_POPULATION : size) / 2)
    throw new UserError('input', {
      where: `${where}, elites`,
      expected: `at most half of population_size, ${size}`,
      found: String(elites),
    });
  return new CmaEs(problem, values, new RandomState(seed));
}
