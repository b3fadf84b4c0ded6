import type { PreparedWeights } from '../../model/index.js';
import type { DecoderSpec } from '../../model/types.js';
import type { WeightedLossRequest } from '../requests.js';
import { scoredWeight } from '../scored-weight.js';
import { GradientEngine } from './gradient-engine.js';
import { readWeights } from './read-weights.js';
import type { Weights } from './step.js';

/** A loss and its derivatives with respect to the frequencies and the attention factor it was computed with. */
export interface RopeLossGradient {
  /** Negative log-likelihood summed over the scored tokens, each times its weight, in nats. */
  readonly lossSum: number;
  /** Of `lossSum`, per rotary pair. */
  readonly inverseFrequency: Float64Array;
  readonly attentionFactor: number;
}

/** Gradients with respect to RoPE alone, as a search wants them: none of weights are computed. */
export class RopeGradientEngine {
  private constructor(
    private readonly engine: GradientEngine,
    private readonly weights: Weights,
  ) {}

  static async create(config: {
    readonly spec: DecoderSpec;
    readonly weights: PreparedWeights;
    readonly threads: number;
  }) {
    const { spec, threads } = config;
    const engine = await GradientEngine.create({ spec, threads, wanted: { weights: 'none', tables: true } });
    return new RopeGradientEngine(
      engine,
      await readWeights({ tensors: config.weights.map((tensor) => [tensor.name, tensor] as const) }),
    );
  }

  async lossGradient(request: WeightedLossRequest): Promise<RopeLossGradient> {
    const { loss, sequences } = await this.engine.lossAndGradient([request], this.weights);
    const rope = sequences[0]?.rope;
    if (rope == null) throw new Error('no gradient of the rotary table');
    const weight = scoredWeight(request);
    return {
      lossSum: loss * weight,
      inverseFrequency: rope.inverseFrequency.map((value) => value * weight),
      attentionFactor: rope.attentionFactor * weight,
    };
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}
