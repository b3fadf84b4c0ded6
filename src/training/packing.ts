import { type TokenDocument, withBosAndEos } from '../corpus/index.js';

/** A document between its BOS and EOS, or a piece of a long one: read as a sequence of its own. */
export interface Segment {
  readonly document: string;
  readonly ids: Int32Array;
}

/** Segments that are trained on together, at most `rowTokens` tokens. */
export type Row = readonly Segment[];

export interface PackingOptions {
  readonly rowTokens: number;
  /** Put around every document, EOS where it does not end in one; null leaves it out. */
  readonly bos: number | null;
  readonly eos: number | null;
}

/** Rows that still take documents; more would pack little better and cost a look at each. */
const OPEN_ROWS = 32;

/** One token predicts nothing. */
const SHORTEST = 2;

/**
 * Packs documents into rows without cutting what fits into one: each goes into the first open row with room for it. Longer
 * ones are cut into whole rows; what is left over is packed with the others. Rows need not be full, as nothing is padded.
 */
export function packRows(documents: Iterable<TokenDocument>, { rowTokens, ...marks }: PackingOptions): Row[] {
  const rows: Row[] = [];
  const open: { segments: Segment[]; room: number }[] = [];
  const store = new TokenStore();
  for (const { id, ids } of documents) {
    const tokens = store.add(withBosAndEos(ids, marks));
    const piece = (from: number, length: number) => new Piece(id, tokens.array, tokens.from + from, length);
    let from = 0;
    for (; tokens.length - from >= rowTokens; from += rowTokens) rows.push([piece(from, rowTokens)]);
    const rest = tokens.length - from;
    if (rest < SHORTEST) continue;
    let row = open.find(({ room }) => room >= rest);
    if (row === undefined) {
      if (open.length === OPEN_ROWS) rows.push((open.shift() as (typeof open)[number]).segments);
      row = { segments: [], room: rowTokens };
      open.push(row);
    }
    row.segments.push(piece(from, rest));
    row.room -= rest;
  }
  return [...rows, ...open.map(({ segments }) => segments)];
}

/** A segment that knows where its tokens lie. With an array each, every garbage collection of a training would visit them all. */
class Piece implements Segment {
  constructor(
    readonly document: string,
    private readonly array: Int32Array,
    private readonly from: number,
    private readonly length: number,
  ) {}

  get ids(): Int32Array {
    return this.array.subarray(this.from, this.from + this.length);
  }
}

const STORE_TOKENS = 2 ** 20;

/** Tokens of many documents one after another, in few arrays. */
class TokenStore {
  #array = new Int32Array(0);
  #filled = 0;

  add(tokens: Int32Array): { readonly array: Int32Array; readonly from: number; readonly length: number } {
    const { length } = tokens;
    if (this.#filled + length > this.#array.length) {
      this.#array = new Int32Array(Math.max(length, STORE_TOKENS));
      this.#filled = 0;
    }
    const from = this.#filled;
    this.#array.set(tokens, from);
    this.#filled += length;
    return { array: this.#array, from, length };
  }
}
