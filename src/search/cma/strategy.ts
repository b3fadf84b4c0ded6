import { EigenvalueDecomposition, type Matrix } from 'ml-matrix';
import type { RandomState } from '../random.js';
import type { Json } from '../types.js';
import type { Distribution, LearningRates } from './learning-rates.js';
import { type CmaParameters, expectedNormalLength } from './parameters.js';

/** Beyond this ratio of axes the eigenvectors of C are noise. */
export const MAX_CONDITION = 1e14;

/**
 * CMA-ES with active covariance update and cumulative step-size adaptation (Hansen, arXiv 1604.00772), equation by
 * equation that of pycma 4; test/oracle/cma holds what pycma computes. It sees vectors and ranks, no losses.
 */
export class CmaStrategy {
  sigma: number;
  generation = 0;
  covariance: Matrix;
  private readonly pathSigma: Float64Array;
  private readonly pathC: Float64Array;
  /** Columns are the unit eigenvectors of C, beside the roots of their eigenvalues. */
  private axes: Matrix;
  private lengths: Float64Array;

  constructor(
    readonly parameters: CmaParameters,
    public mean: Float64Array,
    initialSigma: number,
    initialCovariance: Matrix,
    /** Slows updates down where losses are noisy; null: every update counts in full. */
    private readonly learningRates: LearningRates | null = null,
  ) {
    this.sigma = initialSigma;
    this.covariance = initialCovariance.clone();
    this.pathSigma = new Float64Array(parameters.dimension);
    this.pathC = new Float64Array(parameters.dimension);
    [this.axes, this.lengths] = decompose(this.covariance);
  }

  /** One vector from the search distribution. */
  sample(random: RandomState): Float64Array {
    const z = Float64Array.from(this.lengths, (length) => this.sigma * length * random.normal());
    const step = transform(this.axes, z);
    return this.mean.map((m, i) => m + (step[i] as number));
  }

  /** A vector from elsewhere as one that could have been drawn: its step from the mean not longer than draws are (pycma's clip). */
  inject(vector: Float64Array): Float64Array {
    const { mean, sigma } = this;
    const n = mean.length;
    const step = vector.map((x, i) => x - (mean[i] as number));
    const length = Math.sqrt(squaredLength(this.whiten(step))) / sigma;
    const excess = length / (Math.sqrt(n) + (2 * n) / (n + 2));
    return excess > 1 ? mean.map((m, i) => m + (step[i] as number) / excess) : vector;
  }

  /** `ranked` is a whole generation, best first. */
  update(ranked: readonly Float64Array[]): void {
    const { dimension: n, weights, parents, effectiveParents: mu, ...rate } = this.parameters;
    if (ranked.length !== weights.length) throw new Error(`${ranked.length} vectors told, ${weights.length} expected`);
    const oldMean = this.mean;
    const { learningRates: rates } = this;
    const before = rates && { mean: oldMean, sigma: this.sigma, covariance: this.covariance.clone() };
    this.generation++;
    this.mean = oldMean.map((_, i) => {
      let sum = 0;
      for (let k = 0; k < parents; k++) sum += (weights[k] as number) * ((ranked[k] as Float64Array)[i] as number);
      return sum;
    });
    const shift = this.mean.map((m, i) => (m - (oldMean[i] as number)) / this.sigma);

    const cs = rate.pathDecaySigma;
    accumulate(this.pathSigma, 1 - cs, Math.sqrt(cs * (2 - cs) * mu), this.whiten(shift));
    const settled = 1 - (1 - cs) ** (2 * this.generation);
    // While sigma grows fast, the mean's path says little about the shape of C.
    const stalled = squaredLength(this.pathSigma) / settled / n - 1 >= 1 + 4 / (n + 1);
    const cc = rate.pathDecayC;
    accumulate(this.pathC, 1 - cc, stalled ? 0 : Math.sqrt(cc * (2 - cc) * mu), shift);

    const c1 = rate.rankOneRate;
    const c1Decay = stalled ? c1 * (1 - cc * (2 - cc)) : c1;
    const weightSum = weights.reduce((sum, w) => sum + w, 0);
    this.covariance.mul(1 - c1Decay - rate.rankMuRate * weightSum);
    addOuter(this.covariance, this.pathC, c1);
    for (const [k, vector] of ranked.entries()) {
      const step = vector.map((x, i) => (x - (oldMean[i] as number)) / this.sigma);
      let weight = rate.rankMuRate * (weights[k] as number);
      // Bounds what a long bad step can take away from C, so that it stays positive definite.
      if (weight < 0) weight *= n / (Math.sqrt(squaredLength(this.whiten(step))) + 1e-9) ** 2;
      addOuter(this.covariance, step, weight);
    }

    const growth = Math.sqrt(squaredLength(this.pathSigma)) / expectedNormalLength(n) - 1;
    this.sigma *= Math.exp(Math.max(-1, Math.min(1, (growth * cs) / rate.stepDamping)));
    if (rates && before) this.become(rates.temper(before, this, this.inverseRoot()));
    [this.axes, this.lengths] = decompose(this.covariance);
  }

  /** Largest standard deviation of the distribution along any direction. */
  get spread(): number {
    return this.sigma * Math.max(...this.lengths);
  }

  get condition(): number {
    return (Math.max(...this.lengths) / Math.min(...this.lengths)) ** 2;
  }

  get isDegenerate(): boolean {
    return !Number.isFinite(this.sigma) || !(this.condition <= MAX_CONDITION);
  }

  get covarianceRows(): number[][] {
    return this.covariance.to2DArray();
  }

  state(): Json {
    return {
      generation: this.generation,
      mean: [...this.mean],
      sigma: this.sigma,
      covariance: this.covarianceRows,
      pathSigma: [...this.pathSigma],
      pathC: [...this.pathC],
      ...(this.learningRates && { learningRates: this.learningRates.state() }),
    };
  }

  private become({ mean, sigma, covariance }: Distribution): void {
    this.mean = mean;
    this.sigma = sigma;
    this.covariance = covariance;
  }

  /** C^(-1/2), of the last decomposition. */
  private inverseRoot(): Matrix {
    const scaled = this.axes.clone();
    for (const [k, length] of this.lengths.entries()) scaled.mulColumn(k, 1 / length);
    return scaled.mmul(this.axes.transpose());
  }

  /** C^(-1/2) v. */
  private whiten(vector: Float64Array): Float64Array {
    const n = vector.length;
    const coordinates = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      let dot = 0;
      for (let i = 0; i < n; i++) dot += this.axes.get(i, k) * (vector[i] as number);
      coordinates[k] = dot / (this.lengths[k] as number);
    }
    return transform(this.axes, coordinates);
  }
}

function transform(matrix: Matrix, vector: Float64Array): Float64Array {
  return vector.map((_, i) => {
    let sum = 0;
    for (let k = 0; k < vector.length; k++) sum += matrix.get(i, k) * (vector[k] as number);
    return sum;
  });
}

/** Symmetric by construction: only then does the decomposition take its exact path. */
function addOuter(matrix: Matrix, vector: Float64Array, weight: number): void {
  const n = vector.length;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const value = matrix.get(i, j) + weight * (vector[i] as number) * (vector[j] as number);
      matrix.set(i, j, value);
      matrix.set(j, i, value);
    }
  }
}

function accumulate(path: Float64Array, decay: number, gain: number, step: Float64Array): void {
  for (let i = 0; i < path.length; i++) path[i] = decay * (path[i] as number) + gain * (step[i] as number);
}

function squaredLength(vector: Float64Array): number {
  return vector.reduce((sum, v) => sum + v * v, 0);
}

function decompose(covariance: Matrix): [Matrix, Float64Array] {
  const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  return [eigenvectorMatrix, Float64Array.from(realEigenvalues, (value) => Math.sqrt(Math.max(value, 0)))];
}
