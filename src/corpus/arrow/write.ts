import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../errors.js';
import { syncDirectory } from '../../run/atomic-write.js';
import { fileError } from '../../run/index.js';
import type { TokenDocument } from '../types.js';
import { type DatasetColumn, TOKENIZE_COLUMNS } from './columns.js';
import {
  DATA_FILE,
  type DatasetOrigin,
  datasetInfo,
  datasetState,
  INFO_FILE,
  ORIGIN_FILE,
  STATE_FILE,
} from './dataset-files.js';
import type { WrittenDataset } from './write-stream.js';

/** All that a data set folder holds, with the caches Python leaves there; nothing else is ever deleted. */
const DATASET_FILE = /^((data|cache)-[\w-]+\.arrow|state\.json|dataset_info\.json|longrope\.json)$/;

/**
 * Writes documents as a data set folder that `datasets.load_from_disk` reads, by default with the columns of
 * `longrope tokenize`. The folder appears as a whole or not at all; a data set already there is replaced,
 * any other folder or file is refused.
 */
export async function writeDataset(
  folder: string,
  documents: AsyncIterable<TokenDocument>,
  origin: DatasetOrigin,
  columns: readonly DatasetColumn[] = TOKENIZE_COLUMNS,
): Promise<WrittenDataset> {
  await checkDatasetTarget(folder);
  const temporary = `${path.resolve(folder)}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(temporary, { recursive: true });
    const { writeStream } = await import('./write-stream.js');
    const { fingerprint, ...written } = await writeStream(path.join(temporary, DATA_FILE), documents, columns);
    await writeJson(path.join(temporary, STATE_FILE), datasetState(fingerprint));
    await writeJson(path.join(temporary, INFO_FILE), datasetInfo(columns));
    await writeJson(path.join(temporary, ORIGIN_FILE), origin);
    await replaceFolder(temporary, folder);
    return written;
  } catch (error) {
    throw fileError(folder, 'a folder that can be written', error);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Throws `UserError` when something else than a data set or an empty folder is in the way. */
export async function checkDatasetTarget(folder: string): Promise<void> {
  const info = await stat(folder).catch(() => null);
  if (info === null) return;
  const names = info.isDirectory() ? await readdir(folder) : null;
  const foreign = names?.filter((name) => !DATASET_FILE.test(name)) ?? [];
  if (names !== null && foreign.length === 0 && (names.length === 0 || names.includes(STATE_FILE))) return;
  throw new UserError('input', {
    where: folder,
    expected: 'a new folder or a data set to replace',
    found: names === null ? 'a file' : `a folder with ${(foreign.length > 0 ? foreign : names).slice(0, 3).join(', ')}`,
    fix: 'choose another output folder',
  });
}

async function writeJson(file: string, value: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`, { flag: 'wx', flush: true });
}

/** A folder cannot be renamed onto one with files in it, so an old data set first steps aside. */
async function replaceFolder(temporary: string, folder: string): Promise<void> {
  await syncDirectory(temporary);
  const old = `${temporary}.old`;
  const hadOld = await rename(folder, old).then(
    () => true,
    () => false,
  );
  try {
    await rename(temporary, folder);
  } catch (error) {
    if (hadOld) await rename(old, folder);
    throw error;
  }
  if (hadOld) await rm(old, { recursive: true, force: true });
  await syncDirectory(path.dirname(path.resolve(folder)));
}
