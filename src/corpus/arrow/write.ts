import { readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../errors.js';
import { replaceFolder, TEMPORARY_NAME, unfinished } from '../../run/index.js';
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
 * `longrope tokenize`. The folder appears as a whole or not at all; a data set already there is replaced, its state last,
 * any other folder or file is refused.
 */
export async function writeDataset(
  folder: string,
  documents: AsyncIterable<TokenDocument>,
  origin: DatasetOrigin,
  columns: readonly DatasetColumn[] = TOKENIZE_COLUMNS,
): Promise<WrittenDataset> {
  await checkDatasetTarget(folder);
  const outdated = (name: string) => DATASET_FILE.test(name);
  const written: WrittenDataset[] = [];
  await replaceFolder(folder, { force: true, outdated, last: STATE_FILE }, async (staging) => {
    const { writeStream } = await import('./write-stream.js');
    const { fingerprint, ...counts } = await writeStream(path.join(staging, DATA_FILE), documents, columns);
    await writeJson(path.join(staging, STATE_FILE), datasetState(fingerprint));
    await writeJson(path.join(staging, INFO_FILE), datasetInfo(columns));
    await writeJson(path.join(staging, ORIGIN_FILE), origin);
    written.push(counts);
  });
  return written[0]!;
}

/** Throws `UserError` when something else than a data set or an empty folder is in the way. */
export async function checkDatasetTarget(folder: string): Promise<void> {
  const info = await stat(folder).catch(() => null);
  if (info === null) return;
  const names = info.isDirectory() ? (await readdir(folder)).filter((name) => !TEMPORARY_NAME.test(name)) : null;
  const foreign = names?.filter((name) => !DATASET_FILE.test(name)) ?? [];
  // A data set that is being replaced, or was when its writer was killed, lacks its state, and one made in Python has no origin.
  // No writer begins in a folder that is not to be replaced.
  const isOurs =
    names?.some((name) => name === STATE_FILE || name === ORIGIN_FILE) === true ||
    (await unfinished(folder, path.resolve(folder))).length > 0;
  if (names !== null && foreign.length === 0 && (names.length === 0 || isOurs)) return;
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
