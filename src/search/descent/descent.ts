import type { IncrementSpace } from '../increment-space.js';
import type { ShortLoss } from '../objective.js';
import type { RandomState } from '../random.js';
import type { Candidate, Evaluation, Json } from '../types.js';
import { Limit } from './limit.js';
import { PairedGains } from './paired-gains.js';
import { type AdamOptions, ScheduleFreeAdam } from './schedule-free-adam.js';

export interface DescentOptions extends AdamOptions {
  /** Standard deviation of the coordinates it starts from. */
  readonly startSigma: number;
  /** Times half the squared distance from the seed: nats per token that a descent minimises beside the loss. */
  readonly priorWeight: number;
  /** `SearchProblem.shortRise`; null: nothing is limited. */
  readonly shortRise: number | null;
}

/** One descent in the coordinates of a seed, and how it did since the last trial. */
export class Descent {
  private adam: ScheduleFreeAdam;
  private learningRate: number;
  private losses: number[] = [];
  private moves: number[] = [];
  private readonly gains = new PairedGains();
  private readonly limit: Limit | null;

  constructor(
    private readonly space: IncrementSpace,
    private readonly options: DescentOptions,
    private readonly random: RandomState,
  ) {
    this.learningRate = options.learningRate;
    this.limit = options.shortRise === null ? null : new Limit(options.shortRise);
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

  /** The answer, moved to where it keeps the limit; null where nothing is limited. */
  get inside(): Candidate | null {
    return this.limit && this.space.decode(this.limit.inside(this.adam.average));
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
  step({ loss, gradient, short, documents }: Evaluation): void {
    if (documents !== undefined) this.gains.see(documents, loss);
    if (Number.isFinite(loss) && gradient != null) {
      this.losses.push(loss);
      const { probe } = this.adam;
      const slopes = this.space.pullBack(probe, gradient);
      const charge = short && this.charge(probe, short, documents ?? [], slopes);
      this.moves.push(
        this.adam.step(
          slopes.map((slope, i) => slope + this.options.priorWeight * (probe[i] as number) + (charge?.[i] ?? 0)),
        ),
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
    const { limit, learningRate, losses, moves } = this;
    return {
      adam: this.adam.state(),
      learningRate,
      losses,
      moves,
      gains: this.gains.state(),
      ...(limit && { limit: limit.state() }),
    };
  }

  /** What the limit adds to the slopes of a step. */
  private charge(
    point: Float64Array,
    { excess, gradient }: Required<ShortLoss>,
    documents: readonly number[],
    ofLoss: Float64Array,
  ): Float64Array | undefined {
    const slopes = this.space.pullBack(point, gradient);
    return this.limit?.charge(documents, { point, excess, slopes }, ofLoss);
  }

  private begin(): ScheduleFreeAdam {
    const { startSigma } = this.options;
    const start = Float64Array.from({ length: this.space.dimension }, () => startSigma * this.random.normal());
    return new ScheduleFreeAdam(start, { ...this.options, learningRate: this.learningRate });
  }
}
