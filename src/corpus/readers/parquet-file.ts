import { asyncBufferFromFile, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { type Problem, UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';
import type { TextDocument } from '../types.js';
import { decodeUtf8 } from './decode-text.js';
import { DEFAULT_TEXT_FIELD, type ReadOptions } from './options.js';

/** Bad rows listed of one row group. */
const MAX_PROBLEMS = 20;

/** One document per row of a Parquet file, row group by row group; ids count rows from 0. */
export async function* readParquetFile(file: string, id: string, options: ReadOptions): AsyncGenerator<TextDocument> {
  const column = options.textField ?? DEFAULT_TEXT_FIELD;
  const buffer = await asyncBufferFromFile(file).catch((error) => {
    throw fileError(file, 'a readable Parquet file', error);
  });
  const metadata = await parquetMetadataAsync(buffer).catch((error) => damaged(file, error));
  checkColumn(file, column, metadata);
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await parquetReadObjects({
      file: buffer,
      metadata,
      columns: [column],
      rowStart,
      rowEnd,
      compressors,
      // The package's own decoder puts replacement characters where bytes are not UTF-8.
      parsers: { stringFromBytes: (bytes: Uint8Array) => decodeUtf8(bytes) ?? { found: 'bytes that are not UTF-8' } },
    }).catch((error) => damaged(file, error));
    const texts = rows.map((row): unknown => row[column]);
    checkRows(file, column, texts, rowStart);
    for (const [i, text] of texts.entries()) yield { id: `${id}:${rowStart + i}`, text: text as string };
    options.onRead?.(((rowEnd - rowStart) / Number(metadata.num_rows)) * buffer.byteLength);
    rowStart = rowEnd;
  }
}

function checkColumn(file: string, column: string, { schema }: FileMetaData): void {
  const names: string[] = [];
  // The schema is a tree in preorder; the columns of the table are the children of its root.
  for (let i = 1; i < schema.length; i += subtreeSize(schema, i)) names.push(schema[i]?.name ?? '');
  if (names.includes(column)) return;
  throw new UserError('input', {
    where: file,
    expected: `a column ${JSON.stringify(column)}`,
    found: `the columns ${names.join(', ') || '(none)'}`,
    fix: 'name the column with --text-field',
  });
}

function subtreeSize(schema: FileMetaData['schema'], index: number): number {
  let size = 1;
  for (let child = 0; child < (schema[index]?.num_children ?? 0); child++) size += subtreeSize(schema, index + size);
  return size;
}

function checkRows(file: string, column: string, texts: readonly unknown[], rowStart: number): void {
  const problems: Problem[] = [];
  for (const [i, text] of texts.entries()) {
    if (typeof text === 'string') continue;
    const broken = typeof text === 'object' && text !== null && 'found' in text;
    const found = broken ? String(text.found) : text === null || text === undefined ? 'null' : typeof text;
    problems.push({
      where: `${file}: row ${rowStart + i}`,
      expected: `UTF-8 text in the column ${JSON.stringify(column)}`,
      found,
    });
    if (problems.length === MAX_PROBLEMS) break;
  }
  if (problems.length > 0) throw new UserError('input', problems);
}

function damaged(file: string, error: unknown): never {
  const found = error instanceof Error ? error.message : String(error);
  throw new UserError('input', { where: file, expected: 'a whole Parquet file', found }, { cause: error });
}
