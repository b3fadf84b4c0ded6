import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import { RecordBatchStreamWriter } from 'apache-arrow';
import { UserError } from '../../errors.js';
import type { TokenDocument } from '../types.js';
import { bytesPerToken, type DatasetColumn } from './columns.js';
import { recordBatch } from './record-batch.js';
import { schemaOf } from './schema.js';

/** A record batch is closed at whichever comes first; Python's own default is 1000 rows. */
const BATCH_DOCUMENTS = 1000;
const BATCH_TOKENS = 2 ** 20;
/** List offsets of Arrow are 32 bits wide, and a batch holds whole documents. */
const MAX_DOCUMENT_TOKENS = 2 ** 31 - 1 - BATCH_TOKENS;

const MAX_QUEUED_BYTES = 64 * 2 ** 20;

export interface WrittenDataset {
  readonly documents: number;
  readonly tokens: number;
}

/** Writes documents as an Arrow stream; the fingerprint, 16 hexadecimal digits, is a hash of their ids. */
export async function writeStream(
  file: string,
  documents: AsyncIterable<TokenDocument>,
  columns: readonly DatasetColumn[],
): Promise<WrittenDataset & { readonly fingerprint: string }> {
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
