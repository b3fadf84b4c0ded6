import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../errors.js';
import type { TokenDocument } from '../types.js';
import { type DatasetOrigin, DICT_FILE, ORIGIN_FILE, STATE_FILE } from './dataset-files.js';

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
  const { readStream } = await import('./read-stream.js');
  const documents: TokenDocument[] = [];
  for (const entry of files) {
    const name = dataFileName(entry, path.join(folder, STATE_FILE));
    await readStream(path.join(folder, name), path.basename(path.resolve(folder)), documents);
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
