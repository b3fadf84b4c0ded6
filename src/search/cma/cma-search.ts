import { Matrix } from 'ml-matrix';
import type { IncrementSpace } from '../increment-space.js';
import type { RandomState } from '../random.js';
import type { Candidate, Json } from '../types.js';
import { LearningRates } from './learning-rates.js';
import { cmaParameters, defaultPopulationSize } from './parameters.js';
import { CmaStrategy } from './strategy.js';
import { Subspace } from './subspace.js';

export interface CmaSearchOptions {
  readonly populationSize: number | 'default';
  readonly learningRates: 'fixed' | 'adaptive';
  readonly halvingGeneration: number | 'never';
  readonly firstDirections: number | 'all';
  readonly freeGeneration: number;
  readonly elites: number;
  readonly tolerance: number;
}

/** CMA-ES around the origin of one space: in a few directions first if asked for, and with the best of a generation in the next one. */
export class CmaSearch {
  private strategy: CmaStrategy;
  /** The directions it moves in; null: all of them. */
  private subspace: Subspace | null;
  private generations = 0;
  /** Vectors of the strategy that come into the next generation in place of as many draws. */
  private elites: readonly Float64Array[];
  private asked: readonly Float64Array[] = [];

  /** `others`: candidates from elsewhere that are elites of the first generation. */
  constructor(
    private readonly space: IncrementSpace,
    private readonly options: CmaSearchOptions,
    others: readonly Candidate[],
  ) {
    const { firstDirections: count } = options;
    const subspace = count === 'all' || count >= space.pairs ? null : new Subspace(space.smoothDirections(count));
    const dimension = subspace?.dimension ?? space.dimension;
    this.subspace = subspace;
    const origin = new Float64Array(dimension);
    const identity = Matrix.eye(dimension);
    this.strategy = new CmaStrategy(this.parameters(dimension), origin, 1, identity, this.rates(dimension));
    const vectors = others.slice(0, options.elites).map((candidate) => space.encode(candidate));
    this.elites = vectors.map((vector) => (subspace === null ? vector : subspace.project(vector)));
  }

  ask(random: RandomState): readonly Candidate[] {
    const { strategy } = this;
    const injected = this.elites.map((elite) => strategy.inject(elite));
    const draws = strategy.parameters.populationSize - injected.length;
    this.asked = [...injected, ...Array.from({ length: draws }, () => strategy.sample(random))];
    return this.asked.map((vector) => this.decode(vector));
  }

  /** `ranks`: places of the candidates in the last `ask`, the best one first; null where their losses say nothing. */
  tell(ranks: readonly number[] | null): void {
    const { halvingGeneration, freeGeneration, elites } = this.options;
    if (ranks === null) {
      // No ranking, no direction: look closer to where a finite loss was known last.
      this.strategy.sigma /= 2;
      this.elites = [];
      return;
    }
    const ranked = ranks.map((rank) => this.asked[rank] as Float64Array);
    this.strategy.update(ranked);
    this.elites = ranked.slice(0, elites);
    this.generations++;
    if (this.generations === halvingGeneration) this.strategy.sigma /= 2;
    if (this.generations === freeGeneration || this.hasEnded) this.free();
  }

  get mean(): Candidate {
    return this.decode(this.strategy.mean);
  }

  get spread(): number {
    return this.strategy.spread;
  }

  get isDegenerate(): boolean {
    return this.strategy.isDegenerate;
  }

  state(): Json {
    return {
      strategy: this.strategy.state(),
      generations: this.generations,
      elites: this.elites.map((elite) => [...elite]),
    };
  }

  private get hasEnded(): boolean {
    return this.spread < this.options.tolerance || this.isDegenerate;
  }

  /** From few directions to all; where it has come to its end in these, with the first step size. */
  private free(): void {
    const { subspace } = this;
    if (subspace === null) return;
    const { dimension } = this.space;
    this.strategy = subspace.widen(this.strategy, this.parameters(dimension), this.rates(dimension));
    this.elites = this.elites.map((elite) => subspace.lift(elite));
    this.subspace = null;
    if (this.hasEnded) this.strategy.sigma = 1;
  }

  private decode(vector: Float64Array): Candidate {
    return this.space.decode(this.subspace === null ? vector : this.subspace.lift(vector));
  }

  private parameters(dimension: number) {
    const { populationSize: size } = this.options;
    return cmaParameters(dimension, size === 'default' ? defaultPopulationSize(dimension) : size);
  }

  private rates(dimension: number): LearningRates | null {
    return this.options.learningRates === 'adaptive' ? new LearningRates(dimension) : null;
  }
}
