import type { DecoderSpec } from '../model/types.js';
import { sameRope } from '../rope/same-rope.js';
import type { ResolvedRope } from '../rope/types.js';
import type { CachedDecoder } from './cached-decoder.js';
import type { KeyValueCache, KeyValueStore } from './key-value-cache.js';
import type { ContinuationRequest } from './requests.js';

/** A cache gets somewhat more room than asked for, so that questions of slightly different length share it. */
const CAPACITY_STEP = 256;

/**
 * Computes hidden states of sequences that begin alike. Sorted by their ids, neighbours share the most, and going from one to
 * the next is walking their prefix tree depth first: the path from the root to the current sequence is all that is kept.
 */
export class PrefixTree {
  #path: Path | undefined;

  constructor(
    private readonly spec: DecoderSpec,
    private readonly decoder: CachedDecoder,
    private readonly store: KeyValueStore,
  ) {}

  /**
   * Calls `visit` once per sequence, in an order of its own, with the hidden states [length - 1, hiddenSize] of all its tokens
   * but the last; the view is valid during the call. Which tokens are computed together follows from the request alone, never
   * from earlier ones nor from the order of its sequences, so results have the same bits on any worker.
   */
  async walk(
    { sequences, rope, headerLength = 0 }: ContinuationRequest,
    visit: (sequence: number, hidden: Float32Array) => Promise<void>,
  ): Promise<void> {
    if (sequences.length === 0) return;
    const ids = (sequence: number) => (sequences[sequence] as (typeof sequences)[number]).ids;
    const order = sequences.map((_, sequence) => sequence).sort((a, b) => compareIds(ids(a), ids(b)));
    const header = ids(0).subarray(0, headerLength);
    if (!sequences.every((sequence) => startsWith(sequence.ids.subarray(0, -1), header)))
      throw new Error(`not all sequences begin with the same ${headerLength} tokens of header`);

    const path = this.#reserve(Math.max(...sequences.map((sequence) => sequence.ids.length - 1)));
    // Of what an earlier request left only a header that was computed as such is taken: its bits are those of a fresh one.
    const kept = header.length > 0 && path.length === header.length && path.holds(rope, header);
    if (!kept) {
      path.clear(rope);
      if (header.length > 0) await path.extend(header);
    }
    try {
      for (const sequence of order) {
        const inputs = ids(sequence).subarray(0, -1);
        path.backTo(commonLength(path.ids, inputs));
        if (path.length < inputs.length) await path.extend(inputs.subarray(path.length));
        await visit(sequence, path.hidden);
      }
    } finally {
      path.backTo(Math.min(path.length, header.length));
    }
  }

  #reserve(tokens: number): Path {
    if (this.#path !== undefined && this.#path.cache === this.store.current && this.#path.cache.capacity >= tokens)
      return this.#path;
    this.#path = undefined;
    const capacity = Math.ceil(tokens / CAPACITY_STEP) * CAPACITY_STEP;
    const cache = this.store.open(1, Math.max(tokens, Math.min(capacity, this.store.maxTokens)));
    this.#path = new Path(this.spec, this.decoder, cache);
    return this.#path;
  }
}

/** The tokens from the root to where we are: their ids, hidden states, keys and values. */
class Path {
  readonly #ids: Int32Array;
  readonly #hidden: Float32Array;
  #rope: ResolvedRope | undefined;
  #length = 0;

  constructor(
    private readonly spec: DecoderSpec,
    private readonly decoder: CachedDecoder,
    readonly cache: KeyValueCache,
  ) {
    this.#ids = new Int32Array(cache.capacity);
    this.#hidden = new Float32Array(cache.capacity * spec.hiddenSize);
  }

  get length(): number {
    return this.#length;
  }

  get ids(): Int32Array {
    return this.#ids.subarray(0, this.#length);
  }

  get hidden(): Float32Array {
    return this.#hidden.subarray(0, this.#length * this.spec.hiddenSize);
  }

  holds(rope: ResolvedRope, ids: Int32Array): boolean {
    return this.#rope !== undefined && sameRope(this.#rope, rope) && startsWith(this.ids, ids);
  }

  clear(rope: ResolvedRope): void {
    this.#rope = rope;
    this.#length = 0;
  }

  backTo(length: number): void {
    this.#length = length;
  }

  async extend(ids: Int32Array): Promise<void> {
    const position = this.#length;
    const hidden = await this.decoder.extend(this.cache, this.#rope as ResolvedRope, {
      firstRow: 0,
      rows: [ids],
      position,
    });
    this.#ids.set(ids, position);
    this.#hidden.set(hidden, position * this.spec.hiddenSize);
    this.#length += ids.length;
  }
}

/** By what is fed, where a sequence comes before its own beginnings, so that these are there already; then by the last target. */
function compareIds(a: Int32Array, b: Int32Array): number {
  const [lastA, lastB] = [a.length - 1, b.length - 1];
  const shared = commonLength(a.subarray(0, lastA), b.subarray(0, lastB));
  if (shared < lastA && shared < lastB) return (a[shared] as number) - (b[shared] as number);
  return lastB - lastA || (a[lastA] as number) - (b[lastB] as number);
}

function commonLength(a: Int32Array, b: Int32Array): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length++;
  return length;
}

function startsWith(ids: Int32Array, header: Int32Array): boolean {
  return commonLength(ids, header) === header.length;
}
