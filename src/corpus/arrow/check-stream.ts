import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../errors.js';
import { FlatTable } from './flat-table.js';

/** Schemas with pandas metadata have some kB; a batch has 16 bytes per column and buffer. */
const MAX_METADATA_BYTES = 16 * 2 ** 20;
/** Columns, nested ones included. Data sets of tokens have two to ten. */
const MAX_FIELDS = 10_000;
const MAX_DEPTH = 32;

/** `MessageHeader` of Arrow's Message.fbs. */
const SCHEMA = 1;
const DICTIONARY_BATCH = 2;
const RECORD_BATCH = 3;

/**
 * Walks the messages of an Arrow IPC stream and checks every length, count and offset in their metadata (field numbers of
 * Message.fbs and Schema.fbs), without reading the data. apache-arrow does not: it then hangs, fills the memory, or stops
 * early and loses documents. Throws `UserError`.
 */
export async function checkStream(handle: FileHandle, file: string, size: number): Promise<void> {
  const fail = (position: number, found: string): never => {
    throw new UserError('input', {
      where: file,
      expected: 'a whole Arrow stream',
      found: `${found} (message at byte ${position} of ${size})`,
      fix: 'copy or make the data set again',
    });
  };
  let position = 0;
  for (;;) {
    const prefix = Buffer.alloc(8);
    const { bytesRead } = await handle.read(prefix, 0, 8, position);
    if (bytesRead < 8) return fail(position, 'no end mark');
    // Streams from before version 0.15 have no continuation mark.
    const marked = prefix.readInt32LE(0) === -1;
    const length = prefix.readInt32LE(marked ? 4 : 0);
    const start = position + (marked ? 8 : 4);
    if (length === 0) return start === size ? undefined : fail(position, 'an end mark before the end');
    if (length < 0 || length > MAX_METADATA_BYTES || start + length > size)
      return fail(position, `metadata of ${length} bytes`);
    const metadata = Buffer.alloc(length);
    await handle.read(metadata, 0, length, start);
    let bodyLength = 0;
    try {
      bodyLength = checkMessage(metadata);
    } catch (error) {
      // Of a DataView or a FlatTable: a position outside the message.
      if (!(error instanceof RangeError)) throw error;
      return fail(position, `damaged metadata (${error.message})`);
    }
    if (start + length + bodyLength > size) return fail(position, `a body of ${bodyLength} bytes`);
    position = start + length + bodyLength;
  }
}

/** Returns the length of the body behind the message. */
function checkMessage(metadata: Uint8Array): number {
  const message = FlatTable.root(metadata);
  const bodyLength = message.size(3);
  const header = message.table(2);
  message.tables(4);
  if (header === null) throw new RangeError('no header');
  const type = message.byte(1);
  if (type === SCHEMA) checkSchema(header);
  else if (type === RECORD_BATCH) checkBatch(header, bodyLength);
  else if (type === DICTIONARY_BATCH) {
    const data = header.table(1);
    if (data === null) throw new RangeError('a dictionary without data');
    checkBatch(data, bodyLength);
  } else throw new RangeError(`a message of type ${type}`);
  return bodyLength;
}

function checkSchema(schema: FlatTable): void {
  schema.tables(2);
  let fields = schema.tables(1);
  let count = 0;
  for (let depth = 0; fields.length > 0; depth++) {
    count += fields.length;
    if (count > MAX_FIELDS || depth > MAX_DEPTH) throw new RangeError(`${count} columns, ${depth} deep`);
    for (const field of fields) field.tables(6);
    fields = fields.flatMap((field) => field.tables(5));
  }
}

function checkBatch(batch: FlatTable, bodyLength: number): void {
  // The smallest element is a bit. What is longer has no data, and only costs memory.
  const most = 8 * bodyLength;
  for (const length of [batch.size(0), ...batch.sizePairs(1).map(([rows]) => rows)])
    if (length > most) throw new RangeError(`${length} rows in ${bodyLength} bytes`);
  for (const [offset, length] of batch.sizePairs(2))
    if (offset + length > bodyLength) throw new RangeError(`a buffer up to byte ${offset + length} of ${bodyLength}`);
  batch.count(4, 8);
}
