import mersenneTwister from '@stdlib/random-base-mt19937';

/**
 * Python's `random.Random(seed)`, draw for draw: CPython's Lib/random.py and Modules/_randommodule.c. It decides which
 * examples lm-evaluation-harness puts before a question.
 */
export class PythonRandom {
  private readonly next: () => number;

  /** @param seed 0 to 2^32-1 */
  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
      throw new RangeError(`seed ${seed} is not in 0..2^32-1`);
    // Python seeds with init_by_array([seed]); the package takes a list of one for a plain integer. Seeding adds the index
    // of each element to it, so [seed, seed - 1] mixes in the same words.
    this.next = mersenneTwister.factory({ seed: Uint32Array.of(seed, (seed - 1) >>> 0) });
  }

  /** `getrandbits(bits)`, 1 to 32 bits. */
  bits(bits: number): number {
    return this.next() >>> (32 - bits);
  }

  /** `_randbelow(count)`: an integer in [0, count). */
  below(count: number): number {
    const bits = 32 - Math.clz32(count);
    for (;;) {
      const value = this.bits(bits);
      if (value < count) return value;
    }
  }

  /** `sample(range(population), count)`: different numbers below `population` in the order they were drawn. */
  sample(population: number, count: number): number[] {
    if (count > population) throw new RangeError(`a sample of ${count} from ${population}`);
    return population <= smallPopulation(count)
      ? this.sampleFromList(population, count)
      : this.sampleByRedrawing(population, count);
  }

  private sampleFromList(population: number, count: number): number[] {
    const left = Array.from({ length: population }, (_, index) => index);
    return Array.from({ length: count }, (_, drawn) => {
      const at = this.below(population - drawn);
      const chosen = left[at] as number;
      left[at] = left[population - drawn - 1] as number;
      return chosen;
    });
  }

  private sampleByRedrawing(population: number, count: number): number[] {
    const selected = new Set<number>();
    while (selected.size < count) {
      let number = this.below(population);
      while (selected.has(number)) number = this.below(population);
      selected.add(number);
    }
    return [...selected];
  }
}

/** Size up to which Python copies the population, because a set of `count` would take more memory. */
function smallPopulation(count: number): number {
  if (count <= 5) return 21;
  let table = 4;
  while (table < count * 3) table *= 4;
  return 21 + table;
}
