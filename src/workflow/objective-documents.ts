import { needleDocument, RowRefused, type TokenDocument } from '../corpus/index.js';
import { type Problem, UserError } from '../errors.js';
import {
  documentRows,
  keyTokenRows,
  type ObjectiveMeasure,
  type ObjectiveTerm,
  type ScoredRow,
  type WeightedLength,
} from '../search/index.js';
import type { KeyTokenJudge } from './key-token-judge.js';
import type { SearchJob } from './search-model.js';

/** LongRoPE2 hides its needles at the start; at five depths they gave sets that retrieve more (one seed, docs/search.md). */
const NEEDLE_DEPTHS = [0, 0.25, 0.5, 0.75, 1];

/** Documents with what is measured of them. */
export interface DocumentSet {
  readonly documents: readonly TokenDocument[];
  readonly lengths: readonly WeightedLength[];
  readonly terms: readonly ObjectiveTerm[];
  readonly rowsAt: (length: number) => readonly ScoredRow[];
  readonly needleRowsAt: (length: number) => readonly ScoredRow[];
}

/** Needle rows are made at once, so that what does not fit is said before anything is loaded. */
export function documentSet(
  job: SearchJob,
  documents: readonly TokenDocument[],
  lengths: readonly WeightedLength[],
  terms: readonly ObjectiveTerm[],
): DocumentSet {
  const needles = new Map<number, readonly ScoredRow[]>();
  if (terms.some(({ measure }) => measure === 'needle'))
    for (const { length } of lengths) needles.set(length, needleRows(job, documents, length));
  return {
    documents,
    lengths,
    terms,
    rowsAt: documentRows(documents, job.tokenizer.bosTokenId),
    needleRowsAt: (length) => needles.get(length) as readonly ScoredRow[],
  };
}

function needleRows(
  { tokenizer, seed, needleDepths = NEEDLE_DEPTHS }: SearchJob,
  documents: readonly TokenDocument[],
  length: number,
): readonly ScoredRow[] {
  const problems: Problem[] = [];
  const rows = documents.flatMap((document, i) => {
    const depth = needleDepths[i % needleDepths.length] as number;
    try {
      return [needleDocument({ tokenizer, document, length, depth, seed })];
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      problems.push({ where: `needle in ${document.id} at ${length} tokens`, ...error.problem });
      return [];
    }
  });
  if (problems.length > 0) throw new UserError('input', problems);
  return rows;
}

/** What is measured of the documents, key tokens marked by the judge. */
export async function measuresOf(
  { documents, lengths, terms, rowsAt, needleRowsAt }: DocumentSet,
  judge: KeyTokenJudge | null,
  signal: AbortSignal | undefined,
): Promise<readonly ObjectiveMeasure[]> {
  const keyRows = new Map<number, readonly ScoredRow[]>();
  if (judge !== null)
    for (const { length } of lengths)
      keyRows.set(length, keyTokenRows(rowsAt(length), await judge.keyTokens(documents, length, signal)));
  const rows = {
    perplexity: rowsAt,
    needle: needleRowsAt,
    longppl: (length: number) => keyRows.get(length) as readonly ScoredRow[],
  };
  return terms.map(({ measure, weight }) => ({ name: measure, weight, rows: rows[measure] }));
}
