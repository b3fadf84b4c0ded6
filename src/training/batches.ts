import { Draws } from '../corpus/index.js';
import type { ResolvedRope } from '../rope/index.js';
import type { GradientSequence } from '../runtime/index.js';
import { skippedPositions, standIns } from './positions.js';
import { type Bucket, RowOrder } from './row-order.js';

export interface BatchOptions {
  readonly seed: number;
  /** Rows computed at a time (`per_device_train_batch_size`). */
  readonly rowsPerBatch: number;
  /** Batches whose gradients make one step (`gradient_accumulation_steps`). */
  readonly batchesPerStep: number;
  /**
   * The RoPE of a sequence whose largest position is `positions - 1`. With mixed windows (LongRoPE2) a short one has the original
   * frequencies.
   */
  readonly rope: (positions: number) => ResolvedRope;
  /** null = positions 0, 1, 2 ... */
  readonly skipping: Skipping | null;
}

/** PoSE: sequences are spread over windows of so many positions. */
export interface Skipping {
  readonly window: number;
  /** Whether some tokens stand for those that were skipped (`standIns`). */
  readonly countSkipped: boolean;
}

/** A sequence and whose text it is. */
export interface NamedSequence extends GradientSequence {
  readonly document: string;
}

/** What is trained on at each step; it follows from seed and step alone. */
export class Batches {
  readonly #order: RowOrder;

  constructor(
    buckets: readonly Bucket[],
    private readonly options: BatchOptions,
  ) {
    this.#order = new RowOrder(buckets, options.seed);
  }

  /** Batches of step 0, 1, ...; attention stays within a sequence, and positions start anew with each. */
  step(step: number): NamedSequence[][] {
    const { rowsPerBatch, batchesPerStep } = this.options;
    return Array.from({ length: batchesPerStep }, (_, batch) =>
      Array.from({ length: rowsPerBatch }, (_, row) => (step * batchesPerStep + batch) * rowsPerBatch + row).flatMap(
        (place) => this.#sequences(place),
      ),
    );
  }

  #sequences(place: number): NamedSequence[] {
    const { rope, skipping, seed } = this.options;
    const { row, inPlace } = this.#order.at(place);
    if (skipping === null || inPlace)
      return row.map(({ document, ids }) => ({ document, ids, rope: rope(ids.length), scoreFrom: 1 }));
    // Four keys, as three are those of the order of rows.
    const draws = new Draws([seed, place, 0, 0]);
    const drawsOfCounts = new Draws([seed, place, 0, 1]);
    return row.map(({ document, ids }) => {
      const positions = skippedPositions(ids.length, skipping.window, draws);
      const multiplicities = skipping.countSkipped ? standIns(positions, drawsOfCounts) : undefined;
      const sequence = { document, ids, positions, rope: rope((positions.at(-1) as number) + 1), scoreFrom: 1 };
      return multiplicities === undefined ? sequence : { ...sequence, multiplicities };
    });
  }
}
