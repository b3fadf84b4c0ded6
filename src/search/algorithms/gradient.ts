import { candidateKey, checkTold, distinct, FACTOR_ORDERS, type FactorOrder, makeCandidate } from '../candidate.js';
import { Descent } from '../descent/descent.js';
import {
  below,
  type HyperparameterValues,
  integer,
  numberOr,
  parseHyperparameters,
  real,
  word,
} from '../hyperparameters.js';
import { IncrementSpace } from '../increment-space.js';
import { RandomState } from '../random.js';
import { Seeding } from '../seeding/seeding.js';
import { largestFactor, limitKeepers, originOf } from '../seeding/seeds.js';
import type { Candidate, Evaluation, Json, SearchAlgorithm, SearchProblem, StopReasons } from '../types.js';

export const GRADIENT_HYPERPARAMETERS = {
  /** Descents at the same time, on the same documents. They differ in seed and learning rate, and the worse half of them ends after every `trial_steps`. */
  restarts: integer(1, 1),
  learning_rate: real(0.3, 0, 100),
  /** Between the learning rates of the descents. */
  learning_rate_ratio: real(2, 0, 100),
  adam_beta1: real(0.9, 0, 1),
  adam_beta2: below(0.95, 1),
  warmup_steps: integer(8, 1),
  /** Step t weighs t^this in the average that is the answer. */
  averaging_power: integer(1, 0),
  /** Standard deviation of the coordinates that a descent starts from, around its seed. */
  start_sigma: real(0.03, 0, 10),
  /** Steps, `start_sigma` and `least_increase` of a descent from a set of the user's are times this: it needs less change than a closed form. */
  started_scale: real(0.33, 0, 10),
  trial_steps: integer(10, 1),
  /** Nats per token for half a coordinate's squared distance from the seed: what the loss hardly sees stays there. */
  prior_weight: numberOr<'none'>(1e-3, ['none'], real(1, 0, 1)),
  factors: word<FactorOrder>('free', FACTOR_ORDERS),
  correlation_decades: real(0.25, 0, 100),
  independent_share: real(0.2, 0, 1),
  least_increase: real(0.064, 0, 10),
  attention_factor: numberOr<'search' | 'default'>('search', ['search', 'default']),
  /** How far the attention factor moves (its ln) where a factor's coordinate moves 1. */
  attention_sigma: real(0.05, 0, 1),
  documents_per_step: numberOr<'all'>(1, ['all'], integer(1, 1)),
  /** Ends the search when no coordinate of the average moved more in any of `trial_steps` steps. */
  tolerance: real(1e-3, 0, 1),
  /** Ends the search when a test at this level finds no gain in `MAX_STALLED` times `trial_steps` steps. */
  stop_level: numberOr<'none'>('none', ['none'], real(0.5, 0, 1)),
  /** Factors of the answer are multiples of it; "none" leaves them as they are. */
  grid: numberOr<'none'>('none', ['none']),
};

type Values = HyperparameterValues<typeof GRADIENT_HYPERPARAMETERS>;

/** Tests in a row without a gain after which the search ends. */
const MAX_STALLED = 2;

/** Steps in a row without a finite loss after which the search ends. */
const MAX_EMPTY_STEPS = 100;

/**
 * Gradient descent through the model on the coordinates of cma-es, by default ln factor of each pair by itself, and the
 * attention factor. It first scores the seeds (`Seeding`) without gradients, and starts from what is best by these. A step sees one
 * document (in turn); all descents see the same, so they can be compared.
 */
class GradientDescent implements SearchAlgorithm {
  readonly name = 'gradient';
  readonly comparesAcrossGenerations = false;
  readonly documentsPerGeneration: number | 'all';
  readonly gradientCandidates: number;
  private readonly seeding: Seeding;
  private asked: readonly Candidate[] | null = null;
  private descents: Descent[] | null = null;
  private last: Evaluation | null = null;
  private still = false;
  private stalled = 0;
  private emptySteps = 0;

  constructor(
    private readonly problem: SearchProblem,
    readonly hyperparameters: Values,
    private readonly random: RandomState,
  ) {
    this.documentsPerGeneration = hyperparameters.documents_per_step;
    this.gradientCandidates = hyperparameters.restarts;
    this.seeding = new Seeding(problem, {
      attentionFactor: hyperparameters.attention_factor,
      order: hyperparameters.factors,
      closedForms: true,
      // No gradient leads from one number of start tokens to another: all are scored, and descents keep their seed's.
      startTokens: problem.startTokens,
    });
  }

  ask(): readonly Candidate[] {
    if (this.asked !== null) throw new Error('ask before the last candidates were told');
    if (Object.keys(this.stop()).length > 0) return [];
    this.asked = this.descents === null ? this.seeding.ask() : this.descents.map(({ probe }) => probe);
    return this.asked;
  }

  wantsGradients(): boolean {
    return this.descents !== null;
  }

  tell(evaluations: readonly Evaluation[]): void {
    const { asked } = this;
    if (asked === null) throw new Error('tell without an ask');
    this.asked = null;
    if (this.descents === null) {
      this.seeding.tell(evaluations);
      if (this.seeding.done) this.descents = this.start();
      return;
    }
    checkTold(asked, evaluations);
    if (evaluations.length < asked.length) return;
    const best = evaluations.reduce((a, b) => (b.loss < a.loss ? b : a));
    if (Number.isFinite(best.loss)) this.last = best;
    this.emptySteps = Number.isFinite(best.loss) ? 0 : this.emptySteps + 1;
    const { descents } = this;
    for (const [i, evaluation] of evaluations.entries()) (descents[i] as Descent).step(evaluation);
    if ((descents[0] as Descent).steps >= this.hyperparameters.trial_steps) this.compare(descents);
  }

  stop(): StopReasons {
    if (this.still) return { tolerance: this.hyperparameters.tolerance };
    if (this.stalled >= MAX_STALLED) return { gain: this.hyperparameters.stop_level };
    return this.emptySteps >= MAX_EMPTY_STEPS ? { uninformative: this.emptySteps } : {};
  }

  best(): Evaluation | null {
    return this.last ?? this.seeding.best;
  }

  /**
   * The averages, under a limit first as they keep it; points half the way to them, for descents whose first steps went too far; the seed,
   * for a model that no descent improved, and where the last step began. All on the grid but what surely keeps a limit.
   */
  contenders(): readonly Candidate[] {
    const { grid } = this.hyperparameters;
    const descents = this.descents ?? [];
    const found = [
      ...descents.flatMap(({ inside }) => inside ?? []),
      ...descents.map(({ average }) => average),
      ...descents.map(({ halfway }) => halfway),
      ...[this.seeding.best, this.last].flatMap((evaluation) => evaluation?.candidate ?? []),
    ];
    const largest = largestFactor(this.problem);
    const answers = grid === 'none' ? found : found.map((candidate) => onGrid(candidate, grid, largest));
    // One of the first three, which the budget always covers, must keep the limit, and what descents know of it are estimates.
    return distinct([...answers.slice(0, 2), ...limitKeepers(this.problem), ...answers.slice(2)]);
  }

  state(): Json {
    const { last, still, stalled, emptySteps } = this;
    return {
      descents: this.descents?.map((descent) => descent.state()) ?? null,
      seeding: this.seeding.state(),
      last: last && [candidateKey(last.candidate), last.loss],
      still,
      stalled,
      emptySteps,
      random: this.random.state(),
    };
  }

  /** The two best seeds in turn, at learning rates further and further from the given one, above and below. */
  private start(): Descent[] {
    const values = this.hyperparameters;
    const seeds = this.seeding.startingPoints.map(({ candidate }) => candidate);
    return Array.from({ length: values.restarts }, (_, i) => {
      const seed = seeds[Math.min(i % 2, seeds.length - 1)] as Candidate;
      // 0, 1, -1, 2, -2 ...
      const power = Math.ceil(i / 2) * (i % 2 === 1 ? 1 : -1);
      const scale = this.seeding.isUsers(seed) ? values.started_scale : 1;
      const space = new IncrementSpace(this.problem, originOf(this.problem, seed, values.attention_factor), {
        factors: values.factors,
        deviation: scale,
        correlationDecades: values.correlation_decades,
        independentShare: values.independent_share,
        leastIncrease: scale * values.least_increase,
        holdsShortest: true,
        attentionDeviation: values.attention_factor === 'search' ? scale * values.attention_sigma : 0,
        startTokensDeviation: 0,
      });
      const options = {
        learningRate: values.learning_rate * values.learning_rate_ratio ** power,
        beta1: values.adam_beta1,
        beta2: values.adam_beta2,
        warmupSteps: values.warmup_steps,
        averagingPower: values.averaging_power,
        startSigma: values.start_sigma,
        priorWeight: values.prior_weight === 'none' ? 0 : values.prior_weight,
        shortRise: this.problem.shortRise ?? null,
      };
      return new Descent(space, options, this.random);
    });
  }

  /** Ends the worse half of the descents; all saw the same documents. Ends the search when the one that is left stands still. */
  private compare(descents: readonly Descent[]): void {
    const order = descents.toSorted((a, b) => (a.meanLoss < b.meanLoss ? -1 : a.meanLoss > b.meanLoss ? 1 : 0));
    const better = order.slice(0, Math.ceil(descents.length / 2));
    this.descents = descents.filter((descent) => better.includes(descent));
    const [only, ...others] = this.descents;
    this.still = only !== undefined && others.length === 0 && only.largestMove < this.hyperparameters.tolerance;
    const { stop_level: level } = this.hyperparameters;
    const pValue = others.length === 0 ? (only?.takeGainPValue() ?? null) : null;
    if (level !== 'none' && pValue !== null) this.stalled = pValue > level ? this.stalled + 1 : 0;
    for (const descent of this.descents) descent.endTrial();
  }
}

/** Nearest multiples of `grid` that are not above `largest`, and 1 for what would be below it. */
function onGrid({ factors, attentionFactor, startTokens }: Candidate, grid: number, largest: number): Candidate {
  // The slack forgives a quotient just below a whole number.
  const most = Math.floor(largest / grid + 1e-9);
  // Rounded once more: 118 * 0.01 is 1.18, not 1.1799999999999999.
  const multiple = (count: number) => Number(Math.max(1, count * grid).toPrecision(12));
  const rounded = factors.map((factor) => multiple(Math.min(most, Math.round(factor / grid))));
  return makeCandidate(rounded, attentionFactor, startTokens);
}

export function createGradient(problem: SearchProblem, hyperparameters: unknown, seed: number): SearchAlgorithm {
  const values = parseHyperparameters(GRADIENT_HYPERPARAMETERS, hyperparameters, 'hyper-parameters of gradient');
  return new GradientDescent(problem, values, new RandomState(seed));
}
