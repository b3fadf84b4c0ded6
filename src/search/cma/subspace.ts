import { Matrix } from 'ml-matrix';
import type { LearningRates } from './learning-rates.js';
import type { CmaParameters } from './parameters.js';
import { CmaStrategy } from './strategy.js';
import { symmetric } from './symmetric.js';

/**
 * A few directions of a larger space. A covariance of few directions is learnt within a few hundred evaluations, where that of all pairs
 * is not: a search may move in them first.
 */
export class Subspace {
  /** `basis`: a unit column for each direction, all orthogonal. */
  constructor(private readonly basis: Matrix) {}

  get dimension(): number {
    return this.basis.columns;
  }

  lift(coordinates: Float64Array): Float64Array {
    return Float64Array.from(this.basis.mmul(Matrix.columnVector(coordinates)).to1DArray());
  }

  /** The nearest point of the subspace. */
  project(vector: Float64Array): Float64Array {
    return Float64Array.from(this.basis.transpose().mmul(Matrix.columnVector(vector)).to1DArray());
  }

  /**
   * A strategy of the whole space that goes on where one of these directions is: with its mean, its step size, its covariance within them
   * and in all others the first one, the identity.
   */
  widen(narrow: CmaStrategy, parameters: CmaParameters, rates: LearningRates | null): CmaStrategy {
    const transposed = this.basis.transpose();
    const learnt = Matrix.sub(narrow.covariance, Matrix.eye(this.dimension));
    const covariance = Matrix.eye(this.basis.rows).add(this.basis.mmul(learnt).mmul(transposed));
    return new CmaStrategy(parameters, this.lift(narrow.mean), narrow.sigma, symmetric(covariance), rates);
  }
}
