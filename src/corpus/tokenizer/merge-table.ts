/**
 * Rank of a pair of token ids among the merges. Open addressing over typed arrays: a Map keyed by a combined number
 * would box every key, since it does not fit into 31 bits.
 */
export class MergeTable {
  private readonly mask: number;
  private readonly lefts: Int32Array;
  private readonly rights: Int32Array;
  private readonly ranks: Int32Array;

  /** A pair that occurs twice keeps its last rank. */
  constructor(pairs: readonly (readonly [left: number, right: number])[]) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(2, pairs.length * 2)));
    this.mask = capacity - 1;
    this.lefts = new Int32Array(capacity).fill(-1);
    this.rights = new Int32Array(capacity);
    this.ranks = new Int32Array(capacity);
    for (const [rank, [left, right]] of pairs.entries()) {
      const slot = this.slot(left, right);
      this.lefts[slot] = left;
      this.rights[slot] = right;
      this.ranks[slot] = rank;
    }
  }

  /** -1 when the two do not merge. */
  rank(left: number, right: number): number {
    const slot = this.slot(left, right);
    return this.lefts[slot] === -1 ? -1 : this.ranks[slot]!;
  }

  /** The slot that holds the pair, or the free one where it belongs. */
  private slot(left: number, right: number): number {
    let slot = Math.imul(left ^ Math.imul(right, 0x9e3779b1), 0x85ebca6b);
    slot = (slot ^ (slot >>> 15)) & this.mask;
    while (this.lefts[slot] !== -1 && (this.lefts[slot] !== left || this.rights[slot] !== right))
      slot = (slot + 1) & this.mask;
    return slot;
  }
}
