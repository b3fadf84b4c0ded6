import type { MergeTable } from './merge-table.js';

/** Positions fit below this and ranks above it, so that one float64 orders merges by (rank, position) exactly. */
const RANK_UNIT = 2 ** 32;

/**
 * Byte-pair merging: of all neighbours that may merge, the pair of lowest rank, leftmost first, until none is left.
 * O(n log n) in the number of symbols, since a word may be a whole book when there is no pre-tokenizer.
 *
 * @param symbols token ids; overwritten, the result is the returned number of ids at its start
 * @param mergedIds id a merge produces, by rank
 */
export function mergeSymbols(symbols: Int32Array, merges: MergeTable, mergedIds: Int32Array): number {
  const count = symbols.length;
  if (count < 2) return count;
  const next = new Int32Array(count);
  const previous = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  const queue = new MinHeap(count);
  const offer = (left: number, right: number) => {
    const rank = merges.rank(symbols[left]!, symbols[right]!);
    if (rank >= 0) queue.push(rank * RANK_UNIT + left);
  };
  for (let i = 0; i + 1 < count; i++) offer(i, i + 1);
  while (queue.size > 0) {
    const key = queue.pop();
    const rank = Math.floor(key / RANK_UNIT);
    const left = key - rank * RANK_UNIT;
    const right = next[left]!;
    // Stale when either side has been merged away or has grown since.
    if (symbols[left] === -1 || right === count || merges.rank(symbols[left]!, symbols[right]!) !== rank) continue;
    symbols[left] = mergedIds[rank]!;
    symbols[right] = -1;
    const after = next[right]!;
    next[left] = after;
    if (after < count) {
      previous[after] = left;
      offer(left, after);
    }
    if (previous[left]! >= 0) offer(previous[left]!, left);
  }
  let kept = 0;
  for (let i = 0; i < count; i = next[i]!) symbols[kept++] = symbols[i]!;
  return kept;
}

/** Binary heap of numbers, smallest first. */
class MinHeap {
  size = 0;
  private keys: Float64Array;

  constructor(capacity: number) {
    this.keys = new Float64Array(capacity);
  }

  push(key: number): void {
    if (this.size === this.keys.length) {
      const larger = new Float64Array(this.size * 2);
      larger.set(this.keys);
      this.keys = larger;
    }
    const keys = this.keys;
    let child = this.size++;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[child] = keys[parent]!;
      child = parent;
    }
    keys[child] = key;
  }

  pop(): number {
    const keys = this.keys;
    const top = keys[0]!;
    const key = keys[--this.size]!;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= key) break;
      keys[parent] = keys[child]!;
      parent = child;
    }
    keys[parent] = key;
    return top;
  }
}
