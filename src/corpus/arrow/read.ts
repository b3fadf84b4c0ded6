import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataType, type RecordBatch, RecordBatchReader, type Vector } from 'apache-arrow';
import { UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';
import type { TokenDocument } from '../types.js';
import { type DatasetOrigin, DICT_FILE, ORIGIN_FILE, STATE_FILE } from './dataset-files.js';

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
    const splits = Array.isArray(dict['splits']) ? dict['splits'].map(String) : [];
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
    const name = String((entry as Readonly<Record<string, unknown>> | null)?.['filename']);
    await readArrowFile(path.join(folder, name), path.basename(path.resolve(folder)), documents);
  }
  if (documents.length === 0)
    throw new UserError('input', { where: folder, expected: 'documents', found: 'an empty data set' });
  const origin = await readJson(path.join(folder, ORIGIN_FILE));
  const tokenizerHash = origin?.['tokenizerHash'];
  return { documents, origin: typeof tokenizerHash === 'string' ? { tokenizerHash } : null };
}

/** Appends the documents of one Arrow stream file; without a name column they are numbered through all files. */
async function readArrowFile(file: string, dataset: string, documents: TokenDocument[]): Promise<void> {
  await checkEnd(file);
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
  const named = batch.getChild(NAME_COLUMN);
  const names = named !== null && DataType.isUtf8(named.type) ? named : null;
  for (let row = 0; row < batch.numRows; row++) {
    const number = documents.length;
    const name: unknown = names?.get(row);
    const id = typeof name === 'string' ? name : `${dataset}:${number}`;
    documents.push({ id, ids: tokenIds(column.get(row) as Vector | null, `${file}: row ${number}`) });
  }
}

function isListOfIntegers(type: DataType): boolean {
  return (DataType.isList(type) || DataType.isLargeList(type)) && DataType.isInt(type.children[0]?.type);
}

function tokenIds(values: Vector | null, where: string): Int32Array {
  if (values === null || values.nullCount > 0)
    throw new UserError('input', { where, expected: 'token ids', found: values === null ? 'null' : 'null values' });
  const raw = values.toArray() as Int32Array | ArrayLike<number | bigint>;
  // A copy, since the column belongs to a whole batch of documents.
  const ids =
    raw instanceof Int32Array ? raw.slice() : Int32Array.from({ length: raw.length }, (_, i) => Number(raw[i]));
  for (let i = 0; i < ids.length; i++) {
    // Wider values that wrapped come back different.
    if (ids[i]! < 0 || Number(raw[i]) !== ids[i])
      throw new UserError('input', { where, expected: 'token ids from 0 to 2^31 - 1', found: String(raw[i]) });
  }
  return ids;
}

/** A stream that was cut between two batches reads like a whole one, so its last bytes are looked at first. */
async function checkEnd(file: string): Promise<void> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const tail = Buffer.alloc(END_OF_STREAM.length);
      await handle.read(tail, 0, tail.length, Math.max(0, size - tail.length));
      if (tail.equals(END_OF_STREAM)) return;
      throw new UserError('input', {
        where: file,
        expected: 'the end mark of an Arrow stream',
        found: `a file of ${size} bytes without it`,
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
