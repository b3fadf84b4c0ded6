import { Matrix } from 'ml-matrix';
import { candidateJson, checkTold, distinct, FACTOR_ORDERS, type FactorOrder } from '../candidate.js';
import { LearningRates } from '../cma/learning-rates.js';
import { cmaParameters, defaultPopulationSize } from '../cma/parameters.js';
import { CmaStrategy, MAX_CONDITION } from '../cma/strategy.js';
import { type HyperparameterValues, integer, numberOr, parseHyperparameters, real, word } from '../hyperparameters.js';
import { IncrementSpace } from '../increment-space.js';
import { RandomState } from '../random.js';
import { attentionFactorRange, limitKeepers, originOf, startingCandidates } from '../seeds.js';
import type { Candidate, Evaluation, Json, SearchAlgorithm, SearchProblem, StopReasons } from '../types.js';

/** Generations in a row without information (all losses equal, or none finite) after which the search ends. */
const MAX_EMPTY_GENERATIONS = 10;

export const CMA_ES_HYPERPARAMETERS = {
  /** "default": 4 + floor(3 ln n), Hansen's. Fewer learn more from a few hundred evaluations. */
  population_size: numberOr<'default'>(10, ['default'], integer(4, 4)),
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
  /** How often the search begins anew where it has come to its end before the budget, each time at the next best seed. */
  restarts: integer(1, 0),
  /** Ends a search when no direction's standard deviation is larger, relative to the initial ones. */
  tolerance: real(1e-3, 0, 1),
};

type Values = HyperparameterValues<typeof CMA_ES_HYPERPARAMETERS>;

/**
 * CMA-ES over the factors, by default ln factor of each pair by itself, and the attention factor. It first scores the closed forms,
 * each with attention factor 1 and the usual formula, and the user's own sets, and starts from the best. It compares candidates of
 * one generation only, so each generation may be scored on a few documents in turn: cheaper generations, hence more of them.
 */
class CmaEs implements SearchAlgorithm {
  readonly name = 'cma-es';
  readonly comparesAcrossGenerations = false;
  readonly documentsPerGeneration: number | 'all';
  private started: { readonly space: IncrementSpace; readonly strategy: CmaStrategy } | null = null;
  private asked: { readonly candidates: readonly Candidate[]; readonly vectors: readonly Float64Array[] } | null = null;
  /** The best first; of those that differ in the attention factor alone, the best. */
  private seeds: readonly Evaluation[] = [];
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
  }

  ask(): readonly Candidate[] {
    if (this.asked !== null) throw new Error('ask before the last candidates were told');
    if (Object.keys(this.stop()).length > 0) return [];
    if (this.started === null) this.asked = { candidates: this.startingCandidates(), vectors: [] };
    else {
      const { space, strategy } = this.started;
      const vectors = Array.from({ length: strategy.parameters.populationSize }, () => strategy.sample(this.random));
      this.asked = { candidates: vectors.map((vector) => space.decode(vector)), vectors };
    }
    return this.asked.candidates;
  }

  tell(evaluations: readonly Evaluation[]): void {
    if (this.asked === null) throw new Error('tell without an ask');
    const { candidates, vectors } = this.asked;
    this.asked = null;
    checkTold(candidates, evaluations);
    if (evaluations.length === 0) return;
    const ranks = [...evaluations.keys()].sort((a, b) => compareLosses(evaluations[a], evaluations[b]) || a - b);
    if (this.started === null) {
      this.seeds = otherFactors(ranks.map((rank) => evaluations[rank] as Evaluation));
      this.started = this.start((this.seeds[0] as Evaluation).candidate);
    } else if (evaluations.length === candidates.length) {
      this.generationWinner = evaluations[ranks[0] as number] as Evaluation;
      this.adapt(
        ranks.map((rank) => vectors[rank] as Float64Array),
        evaluations,
      );
      this.restart();
    }
  }

  get generationSize(): number {
    const { population_size: size, attention_factor: attention } = this.hyperparameters;
    return size === 'default'
      ? defaultPopulationSize(this.problem.rotaryPairs + (attention === 'search' ? 1 : 0))
      : size;
  }

  stop(): StopReasons {
    if (this.started === null) return {};
    const { strategy } = this.started;
    return {
      ...(strategy.spread < this.hyperparameters.tolerance ? { tolerance: this.hyperparameters.tolerance } : {}),
      ...(strategy.isDegenerate ? { degenerate: MAX_CONDITION } : {}),
      ...(this.emptyGenerations >= MAX_EMPTY_GENERATIONS ? { uninformative: this.emptyGenerations } : {}),
    };
  }

  /** The best of the last generation, or the best seed: losses of other generations may be on other documents. */
  best(): Evaluation | null {
    return this.generationWinner ?? this.seeds[0] ?? null;
  }

  contenders(): readonly Candidate[] {
    const { started, generationWinner, ended, seeds } = this;
    if (started === null) return [];
    const told = (evaluation: Evaluation | null | undefined) => (evaluation ? [evaluation.candidate] : []);
    return distinct([
      this.meanCandidate(started),
      // Where there was one search its last generation comes second, else where the one before has ended.
      ...(ended.length === 0 ? told(generationWinner) : ended.slice(0, 1)),
      // One of the first three, which the budget always covers, must keep the limit: generations know it on a few documents only.
      ...limitKeepers(this.problem),
      ...ended.slice(1),
      ...told(seeds[0]),
      ...told(generationWinner),
    ]);
  }

  state(): Json {
    return {
      strategy: this.started?.strategy.state() ?? null,
      emptyGenerations: this.emptyGenerations,
      ...(this.ended.length > 0 && { ended: this.ended.map(candidateJson) }),
      random: this.random.state(),
    };
  }

  private startingCandidates(): readonly Candidate[] {
    const { attention_factor: attentionFactor, closed_forms: closedForms } = this.hyperparameters;
    const isStarted = closedForms === 'unless started' && (this.problem.starts ?? []).length > 0;
    return startingCandidates(this.problem, {
      attentionFactor,
      order: this.hyperparameters.factors,
      closedForms: !isStarted,
    });
  }

  private start(seed: Candidate) {
    const values = this.hyperparameters;
    const space = new IncrementSpace(this.problem, originOf(this.problem, seed, values.attention_factor), {
      factors: values.factors,
      deviation: values.initial_sigma,
      correlationDecades: values.correlation_decades,
      independentShare: values.independent_share,
      leastIncrease: values.least_increase,
      holdsShortest: values.factors === 'free',
      attentionDeviation: values.attention_factor === 'search' ? values.attention_sigma : 0,
      attentionRange: attentionFactorRange(this.problem),
      startTokensDeviation: 1,
    });
    const { population_size: size } = values;
    const parameters = cmaParameters(
      space.dimension,
      size === 'default' ? defaultPopulationSize(space.dimension) : size,
    );
    const identity = Matrix.eye(space.dimension);
    const rates = values.learning_rates === 'adaptive' ? new LearningRates(space.dimension) : null;
    return { space, strategy: new CmaStrategy(parameters, new Float64Array(space.dimension), 1, identity, rates) };
  }

  /** At the next best seed, where this search has come to its end. Without information another would not find any either. */
  private restart(): void {
    if (this.started === null || this.emptyGenerations > 0 || Object.keys(this.stop()).length === 0) return;
    const searches = this.ended.length + 1;
    const next = this.seeds[searches];
    if (next === undefined || !Number.isFinite(next.loss) || searches > this.hyperparameters.restarts) return;
    this.ended = [this.meanCandidate(this.started), ...this.ended];
    this.started = this.start(next.candidate);
  }

  private meanCandidate({ space, strategy }: NonNullable<typeof this.started>): Candidate {
    return space.decode(strategy.mean);
  }

  private adapt(ranked: readonly Float64Array[], evaluations: readonly Evaluation[]): void {
    const { strategy } = this.started as NonNullable<typeof this.started>;
    const losses = evaluations.map(({ loss }) => loss);
    const isEmpty = losses.every((loss) => loss === losses[0]);
    this.emptyGenerations = isEmpty ? this.emptyGenerations + 1 : 0;
    // No ranking, no direction: look closer to where a finite loss was known last.
    if (isEmpty) strategy.sigma /= 2;
    else strategy.update(ranked);
    if (!isEmpty && strategy.generation === this.hyperparameters.halving_generation) strategy.sigma /= 2;
  }
}

/** Each set of factors once, where it comes first. */
function otherFactors(ranked: readonly Evaluation[]): readonly Evaluation[] {
  const keys = ranked.map(({ candidate }) => candidate.factors.join());
  return ranked.filter((_, i) => keys.indexOf(keys[i] as string) === i);
}

function compareLosses(a: Evaluation | undefined, b: Evaluation | undefined): number {
  const [x, y] = [a?.loss as number, b?.loss as number];
  return x < y ? -1 : x > y ? 1 : 0;
}

export function createCmaEs(problem: SearchProblem, hyperparameters: unknown, seed: number): SearchAlgorithm {
  const values = parseHyperparameters(CMA_ES_HYPERPARAMETERS, hyperparameters, 'hyper-parameters of cma-es');
  return new CmaEs(problem, values, new RandomState(seed));
}
