/** Loss of the tokens whose position in their window lies in [from, to). */
export interface PositionBucket {
  readonly from: number;
  readonly to: number;
  readonly tokens: number;
  readonly meanLoss: number;
}

const FIRST_EDGE = 64;

/** 0, 64, 96, 128, 192, 256, 384 ... length: half octaves, so that a log axis shows even steps. */
export function bucketEdges(length: number): number[] {
  const edges = [0];
  for (let octave = FIRST_EDGE; octave < length; octave *= 2) edges.push(octave, octave * 1.5);
  return [...edges.filter((edge) => edge < length), length];
}

/** Collects losses by position; sums are float64 in the order they are added. */
export class PositionBuckets {
  readonly #edges: readonly number[];
  readonly #sums: Float64Array;
  readonly #tokens: Float64Array;

  constructor(length: number) {
    this.#edges = bucketEdges(length);
    this.#sums = new Float64Array(this.#edges.length - 1);
    this.#tokens = new Float64Array(this.#edges.length - 1);
  }

  /** losses[i] belongs to position `firstPosition + i`. */
  add(losses: Float32Array, firstPosition: number): void {
    let bucket = 0;
    for (let i = 0; i < losses.length; i++) {
      while (firstPosition + i >= (this.#edges[bucket + 1] as number)) bucket++;
      this.#sums[bucket]! += losses[i] as number;
      this.#tokens[bucket]! += 1;
    }
  }

  /** Sums of the same length's buckets, from windows added up before. */
  addSums(sums: readonly { readonly sum: number; readonly tokens: number }[]): void {
    sums.forEach(({ sum, tokens }, bucket) => {
      this.#sums[bucket]! += sum;
      this.#tokens[bucket]! += tokens;
    });
  }

  sums(): { sum: number; tokens: number }[] {
    return [...this.#sums].map((sum, bucket) => ({ sum, tokens: this.#tokens[bucket] as number }));
  }

  result(): PositionBucket[] {
    return [...this.#sums]
      .map((sum, i) => ({
        from: this.#edges[i] as number,
        to: this.#edges[i + 1] as number,
        tokens: this.#tokens[i] as number,
        meanLoss: sum / (this.#tokens[i] as number),
      }))
      .filter(({ tokens }) => tokens > 0);
  }
}
