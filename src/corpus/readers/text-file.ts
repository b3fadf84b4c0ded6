import { readFile, stat } from 'node:fs/promises';
import { UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';
import type { TextDocument } from '../types.js';
import { checkTextSize, decodeUtf8, firstInvalidLine } from './decode-text.js';
import type { ReadOptions } from './options.js';

/** A whole file as one document, line ends as they are. */
export async function* readTextFile(file: string, id: string, { onRead }: ReadOptions): AsyncGenerator<TextDocument> {
  const bytes = await readBytes(file);
  const text = decodeUtf8(bytes);
  if (text === null)
    throw new UserError('input', {
      where: `${file}:${firstInvalidLine(bytes)}`,
      expected: 'UTF-8 text',
      found: 'bytes that are not UTF-8',
      fix: 'convert the file, for instance with iconv',
    });
  onRead?.(bytes.length);
  yield { id, text };
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    checkTextSize(file, (await stat(file)).size);
    return await readFile(file);
  } catch (error) {
    throw fileError(file, 'a readable text file', error);
  }
}
