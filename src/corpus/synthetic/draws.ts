import mersenneTwister from '@stdlib/random-base-mt19937';

/**
 * Seeded draws that one synthetic row is made of. The state follows from `keys` alone, so a row depends on what it is (seed,
 * task, length, trial) and on no row before it. Integers come as Python's `random.randrange` draws them, which lets the
 * released passkey script be repeated draw for draw.
 */
export class Draws {
  private readonly next: () => number;

  /** @param keys whole numbers below 2^32; `[seed]` is Python's `random.seed(seed)` */
  constructor(keys: readonly number[]) {
    // One key alone would be taken for a plain seed, which Python never does. A second one that is less by its index adds the
    // same number at every step of the initialisation, so the state is that of the one key.
    const [only, ...more] = keys as [number, ...number[]];
    this.next = mersenneTwister.factory({ seed: more.length > 0 ? [only, ...more] : [only, (only - 1) >>> 0] });
  }

  /** An integer in [0, count): the top bits of one word, drawn again while too large. */
  integer(count: number): number {
    const bits = 32 - Math.clz32(count);
    for (;;) {
      const value = this.next() >>> (32 - bits);
      if (value < count) return value;
    }
  }

  /** An integer in [low, high], as Python's `randint`. */
  between(low: number, high: number): number {
    return low + this.integer(high - low + 1);
  }

  /** A number in [0, 1). */
  uniform(): number {
    return this.next() / 2 ** 32;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.integer(values.length)] as Value;
  }

  /** A random order (Fisher-Yates). */
  shuffled<Value>(values: readonly Value[]): Value[] {
    const order = [...values];
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j] as Value, order[i] as Value];
    }
    return order;
  }

  /** `count` different results of `draw`. */
  distinct(count: number, draw: () => string): string[] {
    const found = new Set<string>();
    while (found.size < count) found.add(draw());
    return [...found];
  }
}

/** A name as a key of `Draws` (FNV-1a), so that tasks of one seed do not share their draws. */
export function nameKey(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}
