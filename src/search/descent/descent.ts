import type { IncrementSpace } from '../increment-space.js';
import type { RandomState } from '../random.js';
import type { Candidate, Evaluation, Json } from '../types.js';
import { PairedGains } from './paired-gains.js';
import { type AdamOptions, ScheduleFreeAdam } from './schedule-free-adam.js';

export interface DescentOptions extends AdamOptions {
  /** Standard deviation of the coordinates it starts from. */
  readonly startSigma: number;
  /** Times half the squared distance from the seed: nats per token that a descent minimises beside the loss. */
  readonly priorWeight: number;
}

/** One descent in the coordinates of a seed, and how it did since the last trial. */
export class Descent {
  private adam: ScheduleFreeAdam;
  private learningRate: number;
  private losses: number[] = [];
  private moves: number[] = [];
  private readonly gains = new PairedGains();

  constructor(
    private readonly space: IncrementSpace,
    private readonly options: DescentOptions,
    private readonly random: RandomState,
  ) {
    this.learningRate = options.learningRate;
    this.adam = this.begin();
  }

  /** Where the next gradient is wanted. */
  get probe(): Candidate {
    return this.space.decode(this.adam.probe);
  }

  /** The answer. */
  get average(): Candidate {
    return this.space.decode(this.adam.average);
  }

  /** Between the seed and the answer: better where the first steps went too far. */
  get halfway(): Candidate {
    return this.space.decode(this.adam.average.map((coordinate) => coordinate / 2));
  }

  /** Since the last trial. */
  get steps(): number {
    return this.losses.length;
  }

  get meanLoss(): number {
    return this.losses.reduce((sum, loss) => sum + loss, 0) / this.losses.length;
  }

  /** Of the average in any one step since the last trial, in any coordinate. */
  get largestMove(): number {
    return Math.max(...this.moves);
  }

  /** One step, from the evaluation of `probe`. Where the loss is not finite it begins again elsewhere near its seed, with smaller steps. */
  step({ loss, gradient, documents }: Evaluation): void {
    if (documents !== undefined) this.gains.see(documents, loss);
    if (Number.isFinite(loss) && gradient != null) {
      this.losses.push(loss);
      const { probe } = this.adam;
      const slopes = this.space.pullBack(probe, gradient);
      this.moves.push(
        this.adam.step(slopes.map((slope, i) => slope + this.options.priorWeight * (probe[i] as number))),
      );
      return;
    }
    this.losses.push(Number.POSITIVE_INFINITY);
    this.moves.push(Number.POSITIVE_INFINITY);
    this.learningRate /= 2;
    this.adam = this.begin();
  }

  /** That its losses went on falling since this was asked last (`PairedGains`). */
  takeGainPValue(): number | null {
    return this.gains.takePValue();
  }

  endTrial(): void {
    this.losses = [];
    this.moves = [];
  }

  state(): Json {
    return { adam: this.adam.state(), losses: this.losses, gains: this.gains.state() };
  }

  private begin(): ScheduleFreeAdam {
    const { startSigma } = this.options;
    const start = Float64Array.from({ length: this.space.dimension }, () => startSigma * this.random.normal());
    return new ScheduleFreeAdam(start, { ...this.options, learningRate: this.learningRate });
  }
}
