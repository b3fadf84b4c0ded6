/** A growing list of token ids. */
export class IdBuffer {
  private ids: Int32Array;
  private length = 0;

  constructor(capacity: number) {
    this.ids = new Int32Array(Math.max(16, capacity));
  }

  push(id: number): void {
    this.reserve(1);
    this.ids[this.length++] = id;
  }

  pushAll(ids: Int32Array): void {
    this.reserve(ids.length);
    // Most words have two to four ids, for which a call of set() costs more than the loop.
    for (let i = 0; i < ids.length; i++) this.ids[this.length++] = ids[i]!;
  }

  /** A copy of exactly the ids pushed so far. */
  toArray(): Int32Array {
    return this.ids.slice(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.ids.length) return;
    const larger = new Int32Array(Math.max(this.ids.length * 2, this.length + more));
    larger.set(this.ids);
    this.ids = larger;
  }
}
