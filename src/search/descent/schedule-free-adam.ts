import type { Json } from '../types.js';

export interface AdamOptions {
  readonly learningRate: number;
  /** How far the point where gradients are taken lies towards the average: the part that momentum plays elsewhere. */
  readonly beta1: number;
  readonly beta2: number;
  /** Steps over which the learning rate rises to its value. */
  readonly warmupSteps: number;
  /** Step t weighs t^this in the average; 0 is the paper's: the far first steps count for as much as the last. */
  readonly averagingPower: number;
}

const EPSILON = 1e-12;

/**
 * Adam without a schedule (Defazio et al., The Road Less Scheduled, 2024): the answer is an average over the steps instead of
 * the end of a decay, so it is good whenever the budget ends. Gradients are wanted at `probe`; the answer is `average`.
 */
export class ScheduleFreeAdam {
  private readonly fast: Float64Array;
  private readonly mean: Float64Array;
  private readonly squares: Float64Array;
  private steps = 0;
  private weight = 0;

  constructor(
    start: Float64Array,
    private readonly options: AdamOptions,
  ) {
    this.fast = start.slice();
    this.mean = start.slice();
    this.squares = new Float64Array(start.length);
  }

  get average(): Float64Array {
    return this.mean;
  }

  get probe(): Float64Array {
    const { beta1 } = this.options;
    return this.mean.map((mean, i) => (1 - beta1) * (this.fast[i] as number) + beta1 * mean);
  }

  /** One step along the gradient at `probe`; returns the largest move of the average. */
  step(gradient: Float64Array): number {
    const { learningRate, beta2, warmupSteps, averagingPower } = this.options;
    this.steps++;
    const rate = learningRate * Math.min(1, this.steps / warmupSteps);
    const bias = 1 - beta2 ** this.steps;
    const weight = rate ** 2 * this.steps ** averagingPower;
    this.weight += weight;
    const share = weight / this.weight;
    let largest = 0;
    for (const [i, slope] of gradient.entries()) {
      const square = beta2 * (this.squares[i] as number) + (1 - beta2) * slope ** 2;
      this.squares[i] = square;
      const fast = (this.fast[i] as number) - (rate * slope) / (Math.sqrt(square / bias) + EPSILON);
      this.fast[i] = fast;
      const move = share * (fast - (this.mean[i] as number));
      this.mean[i] = (this.mean[i] as number) + move;
      largest = Math.max(largest, Math.abs(move));
    }
    return largest;
  }

  state(): Json {
    const { steps, weight } = this;
    return { fast: [...this.fast], mean: [...this.mean], squares: [...this.squares], steps, weight };
  }
}
