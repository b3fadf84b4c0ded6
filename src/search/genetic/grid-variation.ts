import { candidateKey } from '../candidate.js';
import type { RandomState } from '../random.js';
import type { Candidate, Json } from '../types.js';
import type { Variation } from './genetic-search.js';

/** A parent may have few unknown neighbours left; then a random individual is made, and at last none. */
const MAX_TRIES = 100;

/** A gene is an index into its list of values; factors of all pairs share one ascending list. */
export interface GridSpace {
  readonly pairs: number;
  /** Values of a factor. */
  readonly factors: number;
  /** Values of each gene behind the factors. */
  readonly others: readonly number[];
  /** First pair whose gene counts: those of the pairs before it follow from it. */
  firstFree(genome: Int32Array): number;
  readonly seeds: readonly Int32Array[];
  readonly mutationRate: number;
  decode(genome: Int32Array): Candidate;
}

/**
 * Mutation and crossover of LongRoPE's Algorithm 1 on a grid of integers, so that no value leaves the grid and equality
 * is exact. A genome is [factor index per pair, other genes]; factor indices never decrease. Pairs before the first free one
 * repeat its index, so that they have one should the first free pair move.
 */
export class GridVariation implements Variation<Int32Array> {
  private readonly history = new Set<string>();
  private readonly settledSeeds: readonly Int32Array[];
  private nextSeed = 0;

  constructor(
    private readonly space: GridSpace,
    private readonly random: RandomState,
  ) {
    this.settledSeeds = space.seeds.map((seed) => {
      const settled = seed.slice();
      this.settle(settled, space.firstFree(settled));
      return settled;
    });
  }

  seeds(): Int32Array[] {
    return this.settledSeeds.flatMap((seed) => this.rememberIfNew(seed) ?? []);
  }

  /** The seeds take turns. */
  initialMutant(): Int32Array | null {
    return this.mutate(this.settledSeeds[this.nextSeed++ % this.settledSeeds.length] as Int32Array);
  }

  /** One pass over a copy of the parent: each gene, at the mutation rate, is drawn anew between its neighbours. */
  mutate(parent: Int32Array): Int32Array | null {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const child = this.rememberIfNew(this.redraw(parent, this.space.mutationRate));
      if (child !== null) return child;
    }
    return this.fresh();
  }

  /**
   * One-point crossover of the factors, at a random one of the points (and orders) whose child never decreases; the other
   * genes come from either parent. Points are tried until the child is new; null if there is none.
   */
  crossover(better: Int32Array, worse: Int32Array): Int32Array | null {
    const { pairs } = this.space;
    const cuts: [Int32Array, Int32Array, number][] = [];
    for (let point = 1; point < pairs; point++) {
      for (const [head, tail] of [
        [better, worse],
        [worse, better],
      ] as const) {
        if ((head[point - 1] as number) <= (tail[point] as number)) cuts.push([head, tail, point]);
      }
    }
    while (cuts.length > 0) {
      const [[head, tail, point]] = cuts.splice(this.random.integer(cuts.length), 1) as [
        [Int32Array, Int32Array, number],
      ];
      const child = head.slice();
      child.set(tail.subarray(point, pairs), point);
      for (let gene = pairs; gene < child.length; gene++) {
        child[gene] = (this.random.integer(2) === 0 ? better[gene] : worse[gene]) as number;
      }
      const known = this.rememberIfNew(child);
      if (known !== null) return known;
    }
    return null;
  }

  candidate(genome: Int32Array): Candidate {
    return this.space.decode(genome);
  }

  genomeJson(genome: Int32Array): Json {
    return [...genome];
  }

  private redraw(parent: Int32Array, rate: number): Int32Array {
    const { pairs, factors, others } = this.space;
    const child = parent.slice();
    const first = this.space.firstFree(parent);
    for (let gene = first; gene < child.length; gene++) {
      if (this.random.uniform() >= rate) continue;
      let low = 0;
      let high: number;
      if (gene < pairs) {
        low = gene === first ? 0 : (child[gene - 1] as number);
        high = gene === pairs - 1 ? factors - 1 : (child[gene + 1] as number);
      } else high = (others[gene - pairs] as number) - 1;
      child[gene] = low + this.random.integer(high - low + 1);
      // Before the first free pair moves: those that become free must not be above it.
      if (gene === first) this.settle(child, first);
    }
    return child;
  }

  private fresh(): Int32Array | null {
    const { pairs, factors, others } = this.space;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const drawn = Array.from({ length: pairs }, () => this.random.integer(factors)).sort((a, b) => a - b);
      const genome = this.rememberIfNew(
        Int32Array.from([...drawn, ...others.map((count) => this.random.integer(count))]),
      );
      if (genome !== null) return genome;
    }
    return null;
  }

  private settle(genome: Int32Array, first: number): void {
    genome.fill(genome[first] as number, 0, first);
  }

  /** Settles it, and returns it if it stands for a candidate that was never made. */
  private rememberIfNew(genome: Int32Array): Int32Array | null {
    this.settle(genome, this.space.firstFree(genome));
    const key = candidateKey(this.space.decode(genome));
    if (this.history.has(key)) return null;
    this.history.add(key);
    return genome;
  }
}
