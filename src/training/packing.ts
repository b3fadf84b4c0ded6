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
  /** Put around every document; null leaves it out. */
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
  for (const { id, ids } of documents) {
    const tokens = withBosAndEos(ids, marks);
    let from = 0;
    for (; tokens.length - from >= rowTokens; from += rowTokens)
      rows.push([{ document: id, ids: tokens.subarray(from, from + rowTokens) }]);
    const rest = tokens.subarray(from);
    if (rest.length < SHORTEST) continue;
    let row = open.find(({ room }) => room >= rest.length);
    if (row === undefined) {
      if (open.length === OPEN_ROWS) rows.push((open.shift() as (typeof open)[number]).segments);
      row = { segments: [], room: rowTokens };
      open.push(row);
    }
    row.segments.push({ document: id, ids: rest });
    row.room -= rest.length;
  }
  return [...rows, ...open.map(({ segments }) => segments)];
}
