import { DIMENSION_RATE, type ReleasedSpace, ReleasedVariation } from '../genetic/released-variation.js';
import type { RandomState } from '../random.js';
import type { SearchAlgorithm, SearchProblem } from '../types.js';
import { releasedSearch } from './released.js';

export class DimMonoVariation extends ReleasedVariation {
  constructor(space: ReleasedSpace, random: RandomState) {
    super(space, random, 0);
  }

  protected override sweep(genome: Float64Array): void {
    for (let index = 0; index < genome.length; index++) {
      if (this.random.uniform() < DIMENSION_RATE) this.drawBetweenNeighbours(genome, index);
    }
  }

  protected override copyGene(child: Float64Array, other: Float64Array, index: number): void {
    child[index] = other[index] as number;
  }

  protected override headIsValid(): boolean {
    return true;
  }

  protected override freshHead(): number[] {
    return [];
  }
}

/** The released `dim_mono` search (microsoft/LongRoPE, `evolution/algorithms/dim_mono.py`); differences in docs/search.md. */
export function createDimMono(problem: SearchProblem, hyperparameters: unknown, seed: number): SearchAlgorithm {
  return releasedSearch('dim-mono', problem, hyperparameters, seed, DimMonoVariation);
}
