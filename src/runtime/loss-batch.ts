/** Losses [rows] of hidden states [rows, hiddenSize] whose next tokens are `targets`. */
export type LossHead = (hidden: Float32Array, targets: Int32Array) => Promise<Float32Array>;

/** Fills blocks of the head with rows of many short sequences: its weights are read once per block. */
export class LossBatch {
  readonly #hidden: Float32Array;
  readonly #targets: Int32Array;
  readonly #destinations: { readonly losses: Float32Array; readonly at: number }[] = [];

  constructor(
    private readonly head: LossHead,
    private readonly hiddenSize: number,
    private readonly blockRows: number,
  ) {
    this.#hidden = new Float32Array(blockRows * hiddenSize);
    this.#targets = new Int32Array(blockRows);
  }

  /** Row i of `hidden` predicts `targets[i]`; its loss goes to `losses[i]` at the latest with the next `flush`. */
  async add(hidden: Float32Array, targets: Int32Array, losses: Float32Array): Promise<void> {
    for (let i = 0; i < targets.length; i++) {
      const row = this.#destinations.length;
      this.#hidden.set(hidden.subarray(i * this.hiddenSize, (i + 1) * this.hiddenSize), row * this.hiddenSize);
      this.#targets[row] = targets[i] as number;
      this.#destinations.push({ losses, at: i });
      if (this.#destinations.length === this.blockRows) await this.flush();
    }
  }

  async flush(): Promise<void> {
    const rows = this.#destinations.length;
    if (rows === 0) return;
    const block = await this.head(this.#hidden.subarray(0, rows * this.hiddenSize), this.#targets.subarray(0, rows));
    for (const [row, { losses, at }] of this.#destinations.entries()) losses[at] = block[row] as number;
    this.#destinations.length = 0;
  }
}
