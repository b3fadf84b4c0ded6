import { candidateKey, checkTold, distinct, makeCandidate } from '../candidate.js';
import { type HyperparameterValues, integer, numberOr, parseHyperparameters } from '../hyperparameters.js';
import { RandomState } from '../random.js';
import { attentionFactorRange, largestFactor, limitKeepers, startingCandidates } from '../seeding/seeds.js';
import type { Candidate, Evaluation, Json, SearchAlgorithm, SearchProblem, StopReasons } from '../types.js';

export const RANDOM_HYPERPARAMETERS = {
  /** Asked at once. */
  population_size: integer(16, 1),
  /** After which the search ends; as many as the released search evaluates. */
  candidates: integer(1344, 1),
  attention_factor: numberOr<'search' | 'default'>('default', ['default', 'search']),
};

type Values = HyperparameterValues<typeof RANDOM_HYPERPARAMETERS>;

/**
 * A yardstick: factor sets that have nothing to do with each other or with what was learnt, drawn uniformly from all that never decrease
 * (in ln factor, between 1 and the largest). What a search gains over it at equal budget is what it learnt.
 */
class RandomSearch implements SearchAlgorithm {
  readonly name = 'random';
  readonly comparesAcrossGenerations = true;
  readonly documentsPerGeneration = 'all';
  private asked: readonly Candidate[] | null = null;
  private told = 0;
  private winner: Evaluation | null = null;

  constructor(
    private readonly problem: SearchProblem,
    readonly hyperparameters: Values,
    private readonly random: RandomState,
  ) {}

  ask(): readonly Candidate[] {
    if (this.asked !== null) throw new Error('ask before the last candidates were told');
    const { population_size: size, candidates } = this.hyperparameters;
    const count = Math.min(size, candidates - this.told);
    if (count <= 0) return [];
    const given = this.told === 0 ? this.given() : [];
    const drawn = Array.from({ length: Math.max(0, count - given.length) }, () => this.draw());
    this.asked = distinct([...given, ...drawn]);
    return this.asked;
  }

  tell(evaluations: readonly Evaluation[]): void {
    if (this.asked === null) throw new Error('tell without an ask');
    checkTold(this.asked, evaluations);
    this.asked = null;
    this.told += evaluations.length;
    for (const evaluation of evaluations)
      if (this.winner === null || evaluation.loss < this.winner.loss) this.winner = evaluation;
  }

  get generationSize(): number {
    return this.hyperparameters.population_size;
  }

  stop(): StopReasons {
    const { candidates } = this.hyperparameters;
    return this.told >= candidates ? { candidates } : {};
  }

  best(): Evaluation | null {
    return this.winner;
  }

  contenders(): readonly Candidate[] {
    return this.winner === null ? [] : [this.winner.candidate];
  }

  state(): Json {
    const { told, winner } = this;
    return { told, best: winner && candidateKey(winner.candidate), random: this.random.state() };
  }

  /** What a user asked to be tried too; closed forms are no part of a yardstick. */
  private given(): readonly Candidate[] {
    const starts = startingCandidates(this.problem, {
      attentionFactor: this.hyperparameters.attention_factor,
      order: 'monotone',
      closedForms: false,
    });
    return [...limitKeepers(this.problem), ...starts];
  }

  private draw(): Candidate {
    const { rotaryPairs, defaultAttentionFactor, startTokens = [0] } = this.problem;
    const { attention_factor: asked } = this.hyperparameters;
    const largest = largestFactor(this.problem);
    const positions = Array.from({ length: rotaryPairs }, () => this.random.uniform()).sort((a, b) => a - b);
    const factors = positions.map((position) => Math.min(largest, largest ** position));
    const tokens = startTokens[this.random.integer(startTokens.length)] as number;
    if (asked !== 'search') return makeCandidate(factors, asked === 'default' ? defaultAttentionFactor : asked, tokens);
    const { low, high } = attentionFactorRange(this.problem);
    return makeCandidate(factors, low * (high / low) ** this.random.uniform(), tokens);
  }
}

export function createRandom(problem: SearchProblem, hyperparameters: unknown, seed: number): SearchAlgorithm {
  const values = parseHyperparameters(RANDOM_HYPERPARAMETERS, hyperparameters, 'hyper-parameters of random');
  return new RandomSearch(problem, values, new RandomState(seed));
}
