import { constants, createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataType, type RecordBatch, RecordBatchReader, type Vector } from 'apache-arrow';
import { UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';
import type { TokenDocument } from '../types.js';
import { checkStream } from './check-stream.js';
import { type DatasetOrigin, DICT_FILE, ORIGIN_FILE, STATE_FILE } from './dataset-files.js';
import { damagedLists, isListOfIntegers, tokenIds } from './token-lists.js';

const TOKENS_COLUMN = 'input_ids';
const NAME_COLUMN = 'id';
/** Continuation marker and length 0: what ends an Arrow stream. */
const END_OF_STREAM = Buffer.from('ffffffff00000000', 'hex');

export interface Dataset {
  readonly documents: readonly TokenDocument[];
  /** null for a data set that another program made. */
  readonly origin: DatasetOrigin | null;
}

/** Whether the path is a folder as Python `datasets` saves it (a data set, or several as splits). */
export async function isDataset(folder: string): Promise<boolean> {
  const found = await Promise.all(
    [STATE_FILE, DICT_FILE].map((name) => stat(path.join(folder, name)).catch(() => null)),
  );
  return found.some((info) => info !== null);
}

/**
 * Reads a data set folder, ours or one made by Python `datasets.save_to_disk`: `input_ids` as list or large list of any
 * integer type, `id` as document name where it is a string column; other columns are ignored. Throws `UserError` for a
 * `DatasetDict`, a missing or unusable column, and damaged files.
 */
export async function readDataset(folder: string): Promise<Dataset> {
  const dict = await readJson(path.join(folder, DICT_FILE));
  if (dict !== null) {
    const listed: readonly unknown[] = Array.isArray(dict['splits']) ? dict['splits'] : [];
    const splits = listed.filter((name) => typeof name === 'string');
    throw new UserError('input', {
      where: folder,
      expected: 'one data set',
      found: `a folder of the splits ${splits.join(', ')}`,
      fix: `name one of them, for instance ${path.join(folder, splits[0] ?? 'train')}`,
    });
  }
  const state = await readJson(path.join(folder, STATE_FILE));
  const files = state?.['_data_files'];
  if (!Array.isArray(files))
    throw new UserError('input', {
      where: path.join(folder, STATE_FILE),
      expected: 'the _data_files of a data set',
      found: state === null ? 'no such file' : 'none',
    });
  const documents: TokenDocument[] = [];
  for (const entry of files) {
    const name = dataFileName(entry, path.join(folder, STATE_FILE));
    await readArrowFile(path.join(folder, name), path.basename(path.resolve(folder)), documents);
  }
  if (documents.length === 0)
    throw new UserError('input', { where: folder, expected: 'documents', found: 'an empty data set' });
  const origin = await readJson(path.join(folder, ORIGIN_FILE));
  const tokenizerHash = origin?.['tokenizerHash'];
  return { documents, origin: typeof tokenizerHash === 'string' ? { tokenizerHash } : null };
}

/** A path would let a data set read files outside its folder. */
function dataFileName(entry: unknown, where: string): string {
  const name: unknown = (entry as Readonly<Record<string, unknown>> | null)?.['filename'];
  if (typeof name === 'string' && name !== '' && path.basename(name) === name && !/[\\\0]/.test(name)) return name;
  throw new UserError('input', {
    where: `${where}: _data_files`,
    expected: 'names of files in the same folder',
    found: typeof name === 'string' ? JSON.stringify(name.slice(0, 60)) : `an entry without a filename`,
  });
}

/** Appends the documents of one Arrow stream file; without a name column they are numbered through all files. */
async function readArrowFile(file: string, dataset: string, documents: TokenDocument[]): Promise<void> {
  await checkFile(file);
  try {
    const reader = await RecordBatchReader.from(createReadStream(file));
    for await (const batch of reader) appendBatch(batch, file, dataset, documents);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const found = error instanceof Error ? error.message : String(error);
    throw new UserError('input', { where: file, expected: 'an Arrow stream', found }, { cause: error });
  }
}

function appendBatch(batch: RecordBatch, file: string, dataset: string, documents: TokenDocument[]): void {
  const column = batch.getChild(TOKENS_COLUMN);
  const types = batch.schema.fields.map(({ name, type }) => `${name} (${type})`).join(', ');
  if (column === null || !isListOfIntegers(column.type))
    throw new UserError('input', {
      where: file,
      expected: `a column ${TOKENS_COLUMN} with a list of integers per row`,
      found: `the columns ${types}`,
      fix: 'tokenise the text first (longrope tokenize)',
    });
  const damage =
    column.length === batch.numRows
      ? column.data.map(damagedLists).find((found) => found !== null)
      : `${column.length} lists in a batch of ${batch.numRows} rows`;
  if (damage != null)
    throw new UserError('input', {
      where: file,
      expected: `whole lists in the column ${TOKENS_COLUMN}`,
      found: damage,
      fix: 'copy or make the data set again',
    });
  const named = batch.getChild(NAME_COLUMN);
  const names = named !== null && DataType.isUtf8(named.type) ? named : null;
  for (let row = 0; row < batch.numRows; row++) {
    const number = documents.length;
    const name: unknown = names?.get(row);
    const ids = tokenIds(column.get(row) as Vector | null);
    if (typeof ids === 'string')
      throw new UserError('input', {
        where: `${file}: row ${number}`,
        expected: 'token ids from 0 to 2^31 - 1',
        found: ids,
      });
    documents.push({ id: typeof name === 'string' ? name : `${dataset}:${number}`, ids });
  }
}

/** Refuses what is damaged before apache-arrow reads it. */
async function checkFile(file: string): Promise<void> {
  try {
    // Without O_NONBLOCK opening a FIFO waits for a writer for ever.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const info = await handle.stat();
      if (!info.isFile())
        throw new UserError('input', { where: file, expected: 'a regular file', found: 'something else' });
      // What was cut off is the common damage, and is told as such.
      const tail = Buffer.alloc(END_OF_STREAM.length);
      await handle.read(tail, 0, tail.length, Math.max(0, info.size - tail.length));
      if (tail.equals(END_OF_STREAM)) return await checkStream(handle, file, info.size);
      throw new UserError('input', {
        where: file,
        expected: 'the end mark of an Arrow stream',
        found: `a file of ${info.size} bytes without it`,
        fix: 'copy or make the data set again',
      });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(file, 'a readable Arrow file', error);
  }
}

async function readJson(file: string): Promise<Readonly<Record<string, unknown>> | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below, like any other content.
  }
  throw new UserError('input', { where: file, expected: 'a JSON object', found: 'other text' });
}
