import type { TokenDocument } from '../../corpus/types.js';
import { windowsOf } from '../../evaluation/index.js';
import type { MeasureName } from './terms.js';

/** One forward pass and how much each token from `scoreFrom` on counts in the mean loss; all alike without weights. */
export interface ScoredRow {
  readonly ids: Int32Array;
  readonly scoreFrom: number;
  readonly tokenWeights?: Float32Array;
}

/** A measure of documents, with a row for each document at a length. Rows of the same `ids` (one array) cost one pass together. */
export interface ObjectiveMeasure {
  readonly name: MeasureName;
  /** Share in the mean; 0 = measured and not minimised. */
  readonly weight: number;
  rows(length: number): readonly ScoredRow[];
}

/** The first tokens of each document (protocol `document`), the same arrays at every call for the same length. */
export function documentRows(
  documents: readonly TokenDocument[],
  bos: number | null,
): (length: number) => readonly ScoredRow[] {
  const known = new Map<number, readonly ScoredRow[]>();
  return (length) => {
    const rows = known.get(length) ?? windowsOf({ name: 'document', length }, documents, bos);
    known.set(length, rows);
    return rows;
  };
}

/** Rows in which only the tokens of these indices, counted from `scoreFrom`, are scored. */
export function keyTokenRows(rows: readonly ScoredRow[], keys: readonly (readonly number[])[]): readonly ScoredRow[] {
  return rows.map((row, document) => {
    const tokenWeights = new Float32Array(row.ids.length - row.scoreFrom);
    for (const key of keys[document] as readonly number[]) tokenWeights[key] = 1;
    return { ...row, tokenWeights };
  });
}
