import { Buffers } from '../buffers.js';
import { freeAtOnce } from '../free-at-once.js';
import { type GradientConfig, GradientEngine, KEEP_BYTES, type LossGradient } from './gradient-engine.js';
import { halvesOf } from './halves.js';
import { SecondEngine } from './second-engine.js';
import { type GradientSequence, lossWeight } from './sequence-rows.js';
import type { Weights } from './step.js';

export interface TrainingGradientConfig extends GradientConfig {
  /** Whether batches that have two halves are computed so; needs an even number of threads (`mayHalve`). */
  readonly inHalves: boolean;
}

/** Two engines on half of the threads each, one of them in a thread of its own. */
interface Pair {
  readonly first: GradientEngine;
  readonly second: SecondEngine;
}

/**
 * What a `GradientEngine` gives, for training on several threads. A batch of which two parts cost about the same is computed as these two, at once,
 * on half of the threads each: what lies between matrix products runs on one thread, whatever their number. What is computed
 * how follows from the batch alone, so a resumed training has the bits of an undisturbed one.
 */
export class TrainingGradients {
  #pair: Pair | null = null;
  #wasWhole = false;

  private constructor(
    private readonly config: TrainingGradientConfig,
    private readonly whole: GradientEngine,
    private readonly buffers: Buffers,
  ) {}

  static async create(config: TrainingGradientConfig): Promise<TrainingGradients> {
    const buffers = new Buffers();
    return new TrainingGradients(config, await GradientEngine.create({ ...config, buffers }), buffers);
  }

  /** As `GradientEngine.lossAndGradient`, one call at a time. */
  async lossAndGradient(sequences: readonly GradientSequence[], weights: Weights): Promise<LossGradient> {
    const { spec, inHalves } = this.config;
    const halves = inHalves ? halvesOf(spec, sequences) : null;
    this.#turnTo(halves === null);
    if (halves === null) return this.whole.lossAndGradient(sequences, weights);
    const { first, second } = await this.#openPair();
    const [ofFirst, ofSecond] = halves.map((half) => half.map((i) => sequences[i] as GradientSequence)) as [
      GradientSequence[],
      GradientSequence[],
    ];
    // Also where one fails: the next call finds both idle.
    const [a, b] = await Promise.allSettled([
      first.lossAndGradient(ofFirst, weights),
      second.lossAndGradient(ofSecond, weights),
    ]);
    if (a.status === 'rejected') throw a.reason;
    if (b.status === 'rejected') throw b.reason;
    const total = lossWeight(sequences);
    const shares = [lossWeight(ofFirst) / total, lossWeight(ofSecond) / total] as const;
    const result = joined([a.value, b.value], halves, shares);
    freeAtOnce([...b.value.weights.values()].map(({ buffer }) => buffer));
    return result;
  }

  async close(): Promise<void> {
    await this.whole.close();
    await this.#pair?.first.close();
    await this.#pair?.second.close();
  }

  /** A batch of the other kind needs other memory, and what it does not need is given back first: the estimate is of either. */
  #turnTo(whole: boolean): void {
    if (whole === this.#wasWhole) return;
    this.#wasWhole = whole;
    this.buffers.free();
    this.#pair?.second.free();
  }

  async #openPair(): Promise<Pair> {
    const { config, buffers } = this;
    const keepBytes = (config.keepBytes ?? KEEP_BYTES) / 2;
    const half: GradientConfig = { ...config, threads: config.threads / 2, keepBytes };
    this.#pair ??= {
      first: await GradientEngine.create({ ...half, buffers }),
      second: SecondEngine.open(half),
    };
    return this.#pair;
  }
}

/** What the whole batch gives, from both parts and their shares of its loss. */
function joined(
  [first, second]: readonly [LossGradient, LossGradient],
  halves: readonly [readonly number[], readonly number[]],
  [ofFirst, ofSecond]: readonly [number, number],
): LossGradient {
  const sequences: LossGradient['sequences'][number][] = [];
  for (const [part, indices] of [
    [first, halves[0]],
    [second, halves[1]],
  ] as const)
    for (const [at, i] of indices.entries()) sequences[i] = part.sequences[at] as LossGradient['sequences'][number];
  for (const [name, sum] of first.weights) {
    const part = second.weights.get(name) as Float32Array;
    for (let i = 0; i < sum.length; i++) sum[i] = ofFirst * (sum[i] as number) + ofSecond * (part[i] as number);
  }
  return { loss: ofFirst * first.loss + ofSecond * second.loss, sequences, weights: first.weights };
}
