import { Draws } from '../corpus/index.js';
import type { Row } from './packing.js';

/** Rows that are drawn from in a fixed share, such as those of documents of one range of lengths. */
export interface Bucket {
  /** Relative to the sum of all shares. */
  readonly share: number;
  readonly rows: readonly Row[];
  /** Its rows stay where they are when others skip positions. */
  readonly inPlace?: boolean;
}

/**
 * An endless order of rows that follows from seed and place alone, so that training goes on anywhere without knowing what came
 * before. Buckets take turns so that every beginning has their shares as nearly as whole rows allow; within a bucket every row comes
 * once before any comes again, each time in a new random order.
 */
export class RowOrder {
  readonly #total: number;
  /** Which bucket each place is, as far as anybody has asked, and how often each has been. */
  readonly #turns: { readonly bucket: number; readonly visit: number }[] = [];
  readonly #visits: number[];
  readonly #shuffled = new Map<number, { readonly round: number; readonly rows: readonly Row[] }>();

  constructor(
    private readonly buckets: readonly Bucket[],
    private readonly seed: number,
  ) {
    if (!buckets.every(({ share, rows }) => share > 0 && rows.length > 0))
      throw new Error('a bucket without share or rows');
    this.#total = buckets.reduce((sum, { share }) => sum + share, 0);
    this.#visits = buckets.map(() => 0);
  }

  at(place: number): { readonly row: Row; readonly inPlace: boolean } {
    while (this.#turns.length <= place) this.#turns.push(this.#nextTurn());
    const { bucket, visit } = this.#turns[place] as { bucket: number; visit: number };
    const { rows, inPlace = false } = this.buckets[bucket] as Bucket;
    return { row: this.#round(bucket, Math.floor(visit / rows.length))[visit % rows.length] as Row, inPlace };
  }

  /** The bucket that is furthest behind its share. */
  #nextTurn() {
    const places = this.#turns.length + 1;
    const behind = this.buckets.map(({ share }, i) => (places * share) / this.#total - (this.#visits[i] as number));
    const bucket = behind.indexOf(Math.max(...behind));
    const visit = this.#visits[bucket] as number;
    this.#visits[bucket] = visit + 1;
    return { bucket, visit };
  }

  #round(bucket: number, round: number): readonly Row[] {
    const known = this.#shuffled.get(bucket);
    if (known?.round === round) return known.rows;
    const rows = new Draws([this.seed, bucket, round]).shuffled((this.buckets[bucket] as Bucket).rows);
    this.#shuffled.set(bucket, { round, rows });
    return rows;
  }
}
