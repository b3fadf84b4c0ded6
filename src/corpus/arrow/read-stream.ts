import { constants, createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { DataType, type RecordBatch, RecordBatchReader, type Vector } from 'apache-arrow';
import { UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';
import type { TokenDocument } from '../types.js';
import { checkStream } from './check-stream.js';
import { damagedLists, isListOfIntegers, tokenIds } from './token-lists.js';

const TOKENS_COLUMN = 'input_ids';
const NAME_COLUMN = 'id';
/** Continuation marker and length 0: what ends an Arrow stream. */
const END_OF_STREAM = Buffer.from('ffffffff00000000', 'hex');

/** Appends the documents of one Arrow stream file; without a name column they are numbered through all files. */
export async function readStream(file: string, dataset: string, documents: TokenDocument[]): Promise<void> {
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
