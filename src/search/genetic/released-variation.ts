import { makeCandidate } from '../candidate.js';
import type { RandomState } from '../random.js';
import type { Candidate, Json } from '../types.js';
import { allClose, arange, isNonDecreasing } from './float-grid.js';
import type { Variation } from './genetic-search.js';

/** Chance of a dimension to be drawn anew in a sweep, and to be visited by a crossover (released: literal 0.3). */
export const DIMENSION_RATE = 0.3;
/** The longest row of sweeps measured for an accepted mutant is 667; the released loop has no limit. */
const MAX_SWEEPS = 5000;
const MAX_FRESH_TRIES = 100;

export interface ReleasedSpace {
  readonly initial: Float64Array;
  readonly ratio: number;
  readonly step: number;
  readonly crossoverTries: number;
  readonly attentionFactor: number;
}

/**
 * The released operators of `dim_mono` and `dim_piece_mono`, draw for draw. A genome is a vector of factors, behind
 * `headLength` other genes. The two differ in one sweep of a mutation, in the genes a crossover copies and in validity.
 */
export abstract class ReleasedVariation implements Variation<Float64Array> {
  private readonly history: Float64Array[] = [];

  constructor(
    protected readonly space: ReleasedSpace,
    protected readonly random: RandomState,
    protected readonly headLength: number,
  ) {}

  /** One pass over all dimensions, in place. */
  protected abstract sweep(genome: Float64Array): void;
  /** Copies gene `index` of `other` into `child`. */
  protected abstract copyGene(child: Float64Array, other: Float64Array, index: number): void;
  protected abstract headIsValid(genome: Float64Array): boolean;
  /** Genes before the factors of a genome made without parents. */
  protected abstract freshHead(): number[];

  seeds(): Float64Array[] {
    const seed = Float64Array.from([...new Array<number>(this.headLength).fill(0), ...this.space.initial]);
    this.history.push(seed);
    return [seed];
  }

  initialMutant(): Float64Array | null {
    return this.mutate(this.history[0] as Float64Array);
  }

  /** Sweeps again and again, never going back to the parent, until the vector is monotone and new. */
  mutate(parent: Float64Array): Float64Array | null {
    const genome = parent.slice();
    for (let sweeps = 0; sweeps < MAX_SWEEPS; sweeps++) {
      this.sweep(genome);
      if (isNonDecreasing(genome, this.headLength) && this.isNew(genome)) return this.remember(genome);
    }
    return this.fresh();
  }

  crossover(better: Float64Array, worse: Float64Array): Float64Array | null {
    if (allClose(better, worse)) return null;
    const child = better.slice();
    for (let tries = 0; tries < this.space.crossoverTries; tries++) {
      for (let index = 0; index < child.length; index++) {
        if (this.random.uniform() >= DIMENSION_RATE) continue;
        if (this.random.uniform() < 0.5) this.copyGene(child, worse, index);
        const valid = this.headIsValid(child) && isNonDecreasing(child, this.headLength);
        if (valid && this.isNew(child)) return this.remember(child);
      }
    }
    return null;
  }

  candidate(genome: Float64Array): Candidate {
    return makeCandidate(genome.subarray(this.headLength), this.space.attentionFactor, 0);
  }

  genomeJson(genome: Float64Array): Json {
    return [...genome];
  }

  /** Draws gene `index` on the grid from its left neighbour to its right one; an empty grid leaves it as it is. */
  protected drawBetweenNeighbours(genome: Float64Array, index: number): void {
    const { ratio, step } = this.space;
    const left = index === this.headLength ? 1 : (genome[index - 1] as number);
    let stop: number;
    if (index === this.headLength) stop = genome[index + 1] as number;
    else if (index < genome.length - 1) stop = (genome[index + 1] as number) + step;
    else {
      const grid = arange(1, 1 + ratio + step, step);
      stop = grid.at(grid.length - 1) + step;
    }
    const grid = arange(left, stop, step);
    if (grid.length > 0) genome[index] = grid.at(this.random.integer(grid.length));
  }

  private isNew(genome: Float64Array): boolean {
    return !this.history.some((known) => allClose(known, genome));
  }

  private remember(genome: Float64Array): Float64Array {
    this.history.push(genome);
    return genome;
  }

  /** A random monotone vector on the grid, where the released code would go on sweeping for ever. */
  private fresh(): Float64Array | null {
    const { ratio, step, initial } = this.space;
    const grid = arange(1, 1 + ratio + step, step);
    for (let tries = 0; tries < MAX_FRESH_TRIES; tries++) {
      const factors = initial.map(() => grid.at(this.random.integer(grid.length))).sort();
      const genome = Float64Array.from([...this.freshHead(), ...factors]);
      if (this.isNew(genome)) return this.remember(genome);
    }
    return null;
  }
}
