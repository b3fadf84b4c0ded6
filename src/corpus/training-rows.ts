import type { TokenDocument } from './types.js';

/** A row to train on; all rows of a data set have the same length. */
export interface TrainingRow extends TokenDocument {
  readonly positions: Int32Array;
}

export interface RowOptions {
  readonly rowTokens: number;
  /** Put around every document, EOS where it does not end in one; null leaves it out. */
  readonly bos: number | null;
  readonly eos: number | null;
}

/**
 * Documents one after another, each between BOS and EOS, cut into rows; positions run through a row. What is left at the
 * end and fills no row is left out.
 */
export function* concatenatedRows(documents: Iterable<TokenDocument>, options: RowOptions): Generator<TrainingRow> {
  const packer = new RowPacker('row', options.rowTokens, false);
  for (const { ids } of documents) yield* packer.add(withBosAndEos(ids, options));
}

/**
 * Mixed context windows, as LongRoPE2 trains: rows of documents that fit into `originalLength` tokens, and rows of longer
 * ones. Positions start anew with every document, and with the rest of one that a row's end has cut, so that the largest
 * position of a row tells which factors belong to it.
 */
export function* mixedRows(
  documents: Iterable<TokenDocument>,
  { originalLength, ...options }: RowOptions & { readonly originalLength: number },
): Generator<TrainingRow> {
  const short = new RowPacker('short', options.rowTokens, true);
  const long = new RowPacker('long', options.rowTokens, true);
  for (const { ids } of documents) {
    const tokens = withBosAndEos(ids, options);
    yield* (tokens.length <= originalLength ? short : long).add(tokens);
  }
}

/** A document between its BOS and EOS. One that ends in EOS, as rows made by Python may, gets no second one. */
export function withBosAndEos(ids: Int32Array, { bos, eos }: Pick<RowOptions, 'bos' | 'eos'>): Int32Array {
  const before = bos === null ? 0 : 1;
  const ends = eos !== null && ids.at(-1) !== eos;
  const tokens = new Int32Array(before + ids.length + (ends ? 1 : 0));
  if (bos !== null) tokens[0] = bos;
  tokens.set(ids, before);
  if (ends) tokens[before + ids.length] = eos;
  return tokens;
}

class RowPacker {
  #ids: Int32Array;
  #positions: Int32Array;
  #filled = 0;
  #rows = 0;

  constructor(
    private readonly name: string,
    private readonly rowTokens: number,
    private readonly restart: boolean,
  ) {
    this.#ids = new Int32Array(rowTokens);
    this.#positions = new Int32Array(rowTokens);
  }

  *add(tokens: Int32Array): Generator<TrainingRow> {
    for (let from = 0; from < tokens.length; ) {
      const piece = tokens.subarray(from, from + this.rowTokens - this.#filled);
      this.#ids.set(piece, this.#filled);
      const first = this.restart ? 0 : this.#filled;
      for (let i = 0; i < piece.length; i++) this.#positions[this.#filled + i] = first + i;
      this.#filled += piece.length;
      from += piece.length;
      if (this.#filled < this.rowTokens) return;
      yield { id: `${this.name}:${this.#rows}`, ids: this.#ids, positions: this.#positions };
      this.#ids = new Int32Array(this.rowTokens);
      this.#positions = new Int32Array(this.rowTokens);
      this.#filled = 0;
      this.#rows++;
    }
  }
}
