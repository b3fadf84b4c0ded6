import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { CsvError } from 'csv-parse/sync';
import { decodeUtf8, firstInvalidLine } from '../../../corpus/readers/decode-text.js';
import { fileError, sha256 } from '../../../run/index.js';
import type { ProblemList } from './problem-list.js';

/** One record of a file, not yet understood. */
export interface Row {
  /** file:line, or the number of the entry where a file has no lines of its own. */
  readonly where: string;
  readonly value: unknown;
}

export interface RowFile {
  readonly sha256: string;
  readonly rows: readonly Row[];
}

/** The records of a JSONL, JSON (a list), CSV (without header) or Parquet file; rows that cannot be read are problems. */
export async function readRows(file: string, problems: ProblemList): Promise<RowFile> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw fileError(file, 'a readable benchmark file', error);
  });
  const hash = sha256(bytes);
  const extension = path.extname(file).slice(1).toLowerCase();
  const before = problems.found;
  const rows =
    extension === 'parquet' ? await parquetRows(file, problems) : await textRows(bytes, extension, file, problems);
  if (rows.length === 0 && problems.found === before)
    problems.add({ where: file, expected: 'at least one question', found: 'none' });
  return { sha256: hash, rows };
}

async function textRows(bytes: Uint8Array, extension: string, file: string, problems: ProblemList): Promise<Row[]> {
  const text = decodeUtf8(bytes);
  if (text === null) {
    problems.add({ where: `${file}:${firstInvalidLine(bytes)}`, expected: 'UTF-8', found: 'other bytes' });
    return [];
  }
  const read = extension === 'csv' ? csvRows : extension === 'json' ? jsonRows : jsonLines;
  return read(text, file, problems);
}

function jsonLines(text: string, file: string, problems: ProblemList): Row[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const where = `${file}:${index + 1}`;
    try {
      return [{ where, value: JSON.parse(line) as unknown }];
    } catch (error) {
      problems.add({ where, expected: 'a JSON object', found: (error as Error).message });
      return [];
    }
  });
}

function jsonRows(text: string, file: string, problems: ProblemList): Row[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value))
      return value.map((entry, index) => ({ where: `${file}: entry ${index + 1}`, value: entry }));
    problems.add({ where: file, expected: 'a list of questions', found: value === null ? 'null' : typeof value });
  } catch (error) {
    problems.add({ where: file, expected: 'JSON', found: (error as Error).message });
  }
  return [];
}

/** What csv-parse returns with `info`; its types know the plain record only. */
interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

async function csvRows(text: string, file: string, problems: ProblemList): Promise<Row[]> {
  const { parse } = await import('csv-parse/sync');
  let line = 1;
  try {
    const options = { info: true, relax_column_count: true, skip_empty_lines: true } as const;
    const records = parse(text, options) as unknown as readonly CsvRecord[];
    return records.map(({ record, info }) => {
      // `info` counts the lines up to the end of a record; a quoted field may hold several.
      const where = `${file}:${line}`;
      line = info.lines + 1;
      return { where, value: record };
    });
  } catch (error) {
    const { lines, message } = error as CsvError & { readonly lines?: number };
    problems.add({ where: `${file}:${lines ?? line}`, expected: 'CSV', found: message });
    return [];
  }
}

async function parquetRows(file: string, problems: ProblemList): Promise<Row[]> {
  const { asyncBufferFromFile, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  try {
    const rows = await parquetReadObjects({
      file: await asyncBufferFromFile(file),
      compressors,
      // The package's own decoder puts replacement characters where bytes are not UTF-8; these fail as what they are.
      parsers: { stringFromBytes: (text: Uint8Array) => decodeUtf8(text) ?? { bytes: 'not UTF-8' } },
    });
    return rows.map((value, index) => ({ where: `${file}: row ${index + 1}`, value }));
  } catch (error) {
    problems.add({ where: file, expected: 'a whole Parquet file', found: (error as Error).message });
    return [];
  }
}
