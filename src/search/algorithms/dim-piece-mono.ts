import { DIMENSION_RATE, type ReleasedSpace, ReleasedVariation } from '../genetic/released-variation.js';
import type { RandomState } from '../random.js';
import type { SearchAlgorithm, SearchProblem } from '../types.js';
import { releasedSearch } from './released.js';

/** Genes 0 and 1: up to which dimension factors are 1 (alpha), beyond which they are the ratio (beta). */
const HEAD_LENGTH = 2;
const ZONE_DEVIATION = 2;
/** The released random walk of (alpha, beta) has no limit; valid pairs are usually met within ten steps. */
const MAX_ZONE_STEPS = 10_000;

export class DimPieceMonoVariation extends ReleasedVariation {
  constructor(space: ReleasedSpace, random: RandomState) {
    super(space, random, HEAD_LENGTH);
  }

  protected override sweep(genome: Float64Array): void {
    const [alpha, beta] = this.moveZones(genome[0] as number, genome[1] as number);
    genome[0] = alpha;
    genome[1] = beta;
    // The last two factors never change: the released loop ends there.
    for (let index = HEAD_LENGTH; index < genome.length - 2; index++) {
      if (this.random.uniform() >= DIMENSION_RATE) continue;
      const pair = index - HEAD_LENGTH;
      if (pair <= alpha) genome[index] = 1;
      else if (pair > beta) genome[index] = this.space.ratio;
      else this.drawBetweenNeighbours(genome, index);
    }
  }

  /** One of the two takes a Gaussian step; steps go on until 0 <= alpha < beta < pairs. */
  private moveZones(alpha: number, beta: number): [number, number] {
    const pairs = this.space.initial.length;
    for (let steps = 0; steps < MAX_ZONE_STEPS; steps++) {
      if (this.random.uniform() < 0.5) alpha = Math.trunc(this.random.normal(alpha, ZONE_DEVIATION));
      else beta = Math.trunc(this.random.normal(beta, ZONE_DEVIATION));
      if (0 <= alpha && alpha < beta && beta < pairs) return [alpha, beta];
    }
    return this.freshHead();
  }

  protected override copyGene(child: Float64Array, other: Float64Array, index: number): void {
    if (index >= HEAD_LENGTH) child[index] = other[index] as number;
    else for (let gene = 0; gene < HEAD_LENGTH; gene++) child[gene] = other[gene] as number;
  }

  protected override headIsValid(genome: Float64Array): boolean {
    return (genome[0] as number) <= (genome[1] as number);
  }

  protected override freshHead(): [number, number] {
    const [first, second] = this.random.distinctPair(this.space.initial.length);
    return [Math.min(first, second), Math.max(first, second)];
  }
}

/** The released `dim_piece_mono` search (`evolution/algorithms/dim_piece_mono.py`); differences in docs/search.md. */
export function createDimPieceMono(problem: SearchProblem, hyperparameters: unknown, seed: number): SearchAlgorithm {
  return releasedSearch('dim-piece-mono', problem, hyperparameters, seed, DimPieceMonoVariation);
}
