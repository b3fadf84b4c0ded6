import mersenneTwister from '@stdlib/random-base-mt19937';
import type { Json } from './types.js';

/** Seeds are those of `numpy.random.seed`, except 0, which the generator does not take. */
export const MAX_SEED = 0xffffffff;

/**
 * The generator of the released code: numpy's legacy `RandomState` (MT19937), so that a run of the released operators can
 * be compared with theirs draw for draw (normal deviates up to the last bit of a logarithm). It uses only integer arithmetic, sqrt and log, so one seed gives one
 * sequence on every platform whose JavaScript engine has the same log (V8 carries its own).
 */
export class RandomState {
  private readonly next: () => number;
  private draws = 0;
  private spareNormal: number | null = null;

  constructor(private readonly seed: number) {
    if (!Number.isInteger(seed) || seed < 1 || seed > MAX_SEED)
      throw new RangeError(`seed ${seed} is not in 1..2^32-1`);
    this.next = mersenneTwister.factory({ seed });
  }

  private uint32(): number {
    this.draws++;
    return this.next();
  }

  /** `numpy.random.rand()`: uniform in [0, 1) with 53 bits. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    return (high * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** `numpy.random.randint(0, count)`: an integer in [0, count), by masking and rejecting. */
  integer(count: number): number {
    const maximum = count - 1;
    if (maximum === 0) return 0;
    const mask = 2 ** (32 - Math.clz32(maximum)) - 1;
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= maximum) return value;
    }
  }

  /** `numpy.random.normal(mean, deviation)`: Marsaglia's polar method; every second call uses the spare of the one before. */
  normal(mean = 0, deviation = 1): number {
    return mean + deviation * this.standardNormal();
  }

  private standardNormal(): number {
    if (this.spareNormal !== null) {
      const spare = this.spareNormal;
      this.spareNormal = null;
      return spare;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const squared = x * x + y * y;
      if (squared >= 1 || squared === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(squared)) / squared);
      this.spareNormal = scale * x;
      return scale * y;
    }
  }

  /** `numpy.random.choice(count, 2, replace=False)`: the first two of a shuffle, in their drawn order. */
  distinctPair(count: number): [number, number] {
    const order = Array.from({ length: count }, (_, index) => index);
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    return [order[0] as number, order[1] as number];
  }

  /** Equal states draw equal values. */
  state(): Json {
    return { seed: this.seed, draws: this.draws, spareNormal: this.spareNormal };
  }
}
