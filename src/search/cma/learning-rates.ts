import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Json } from '../types.js';
import { symmetric } from './symmetric.js';

/** A normal distribution as CMA-ES holds it: covariance sigma^2 C. */
export interface Distribution {
  readonly mean: Float64Array;
  readonly sigma: number;
  readonly covariance: Matrix;
}

/** Constants of the paper, section 4.3. */
const ALPHA = 1.4;
const BETA_MEAN = 0.1;
const BETA_COVARIANCE = 0.03;
const GAMMA = 0.1;

/**
 * Learning rates of mean and covariance that follow their signal-to-noise ratios: where losses are noisy, a generation counts for
 * less, so that many of them say together what one cannot (Nomura, Akimoto and Ono 2023, arXiv 2304.03473, algorithm 2). Equation by
 * equation that of the authors' package `cmaes`; test/oracle/cma-learning-rates.json holds what it computes.
 */
export class LearningRates {
  private readonly mean: Rate;
  private readonly covariance: Rate;

  constructor(dimension: number) {
    this.mean = new Rate(dimension, BETA_MEAN);
    this.covariance = new Rate(dimension * dimension, BETA_COVARIANCE);
  }

  /** What a whole update from `before` to `after` comes to; `inverseRoot` is C^(-1/2) of `before`. */
  temper(before: Distribution, after: Distribution, inverseRoot: Matrix): Distribution {
    const n = before.mean.length;
    const meanStep = after.mean.map((value, i) => value - (before.mean[i] as number));
    const old = Matrix.mul(before.covariance, before.sigma ** 2);
    const step = Matrix.mul(after.covariance, after.sigma ** 2).sub(old);
    // In coordinates in which the old distribution is the standard one, and lengths are those of Fisher's metric.
    const local = Matrix.div(inverseRoot, before.sigma);
    const meanRate = this.mean.rate;
    this.mean.adapt(local.mmul(Matrix.columnVector([...meanStep])).to1DArray());
    this.covariance.adapt(local.mmul(step).mmul(local).div(Math.SQRT2).to1DArray());
    const whole = old.add(step.mul(this.covariance.rate));
    const { realEigenvalues } = new EigenvalueDecomposition(symmetric(whole), { assumeSymmetric: true });
    const logDeterminant = realEigenvalues.reduce((sum, value) => sum + Math.log(value), 0);
    const sigma = Math.exp(logDeterminant / 2 / n);
    return {
      mean: before.mean.map((value, i) => value + this.mean.rate * (meanStep[i] as number)),
      // The best step size is larger where the mean moves less of the way.
      sigma: sigma * (meanRate / this.mean.rate),
      covariance: symmetric(Matrix.div(whole, sigma ** 2)),
    };
  }

  state(): Json {
    return { mean: this.mean.state(), covariance: this.covariance.state() };
  }
}

/** One learning rate, and the moving averages of the steps it is told by. */
class Rate {
  rate = 1;
  private readonly average: Float64Array;
  private squares = 0;

  constructor(
    size: number,
    private readonly beta: number,
  ) {
    this.average = new Float64Array(size);
  }

  adapt(step: readonly number[]): void {
    const { average, beta } = this;
    let length = 0;
    for (const [i, value] of step.entries()) {
      average[i] = (1 - beta) * (average[i] as number) + beta * value;
      length += value * value;
    }
    this.squares = (1 - beta) * this.squares + beta * length;
    const signal = average.reduce((sum, value) => sum + value * value, 0);
    const ratio = (signal - (beta / (2 - beta)) * this.squares) / (this.squares - signal);
    const wish = Math.max(-1, Math.min(1, ratio / ALPHA / this.rate - 1));
    this.rate = Math.min(1, this.rate * Math.exp(Math.min(GAMMA * this.rate, beta) * wish));
  }

  state(): Json {
    return { rate: this.rate, squares: this.squares, average: [...this.average] };
  }
}
