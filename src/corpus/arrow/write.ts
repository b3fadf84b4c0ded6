import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { RecordBatchStreamWriter } from 'apache-arrow';
import { UserError } from '../../errors.js';
import { syncDirectory } from '../../run/atomic-write.js';
import { fileError } from '../../run/index.js';
import type { TokenDocument } from '../types.js';
import { bytesPerToken, type DatasetColumn, schemaOf, TOKENIZE_COLUMNS } from './columns.js';
import {
  DATA_FILE,
  type DatasetOrigin,
  datasetInfo,
  datasetState,
  INFO_FILE,
  ORIGIN_FILE,
  STATE_FILE,
} from './dataset-files.js';
import { recordBatch } from './record-batch.js';

/** A record batch is closed at whichever comes first; Python's own default is 1000 rows. */
const BATCH_DOCUMENTS = 1000;
const BATCH_TOKENS = 2 ** 20;
/** List offsets of Arrow are 32 bits wide, and a batch holds whole documents. */
const MAX_DOCUMENT_TOKENS = 2 ** 31 - 1 - BATCH_TOKENS;

const MAX_QUEUED_BYTES = 64 * 2 ** 20;

/** All that a data set folder holds, with the caches Python leaves there; nothing else is ever deleted. */
const DATASET_FILE = /^((data|cache)-[\w-]+\.arrow|state\.json|dataset_info\.json|longrope\.json)$/;

export interface WrittenDataset {
  readonly documents: number;
  readonly tokens: number;
}

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
    const { fingerprint, ...written } = await writeArrow(path.join(temporary, DATA_FILE), documents, columns);
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

async function writeArrow(file: string, documents: AsyncIterable<TokenDocument>, columns: readonly DatasetColumn[]) {
  const schema = schemaOf(columns);
  const tokenBytes = bytesPerToken(columns);
  const hash = createHash('sha256');
  const written = { documents: 0, tokens: 0 };
  const writer = new RecordBatchStreamWriter();
  const out = createWriteStream(file, { flags: 'wx' });
  const piped = pipeline(writer.toNodeStream(), out);
  // Awaited below; a failure meanwhile must not count as unhandled.
  piped.catch(() => undefined);
  writer.reset(undefined, schema);
  try {
    for await (const batch of batches(documents)) {
      for (const { ids } of batch) {
        hash.update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
        written.tokens += ids.length;
      }
      written.documents += batch.length;
      writer.write(recordBatch(batch, columns, schema));
      // The writer's queue has no limit of its own.
      while (out.errored === null && written.tokens * tokenBytes - out.bytesWritten > MAX_QUEUED_BYTES)
        await setTimeout(1);
      if (out.errored !== null) break;
    }
  } finally {
    writer.close();
  }
  await piped;
  await syncFile(file);
  return { ...written, fingerprint: hash.digest('hex').slice(0, 16) };
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function* batches(documents: AsyncIterable<TokenDocument>): AsyncGenerator<TokenDocument[]> {
  let batch: TokenDocument[] = [];
  let tokens = 0;
  for await (const document of documents) {
    if (document.ids.length > MAX_DOCUMENT_TOKENS)
      throw new UserError('resource', {
        where: document.id,
        expected: `at most ${MAX_DOCUMENT_TOKENS} tokens in one document`,
        found: `${document.ids.length}`,
      });
    batch.push(document);
    tokens += document.ids.length;
    if (batch.length < BATCH_DOCUMENTS && tokens < BATCH_TOKENS) continue;
    yield batch;
    batch = [];
    tokens = 0;
  }
  if (batch.length > 0) yield batch;
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
