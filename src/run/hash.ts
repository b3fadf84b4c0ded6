import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileError } from './file-error.js';
import { canonicalJson, type Json } from './json.js';

/** sha256 in hex of bytes or of the UTF-8 bytes of a text. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** sha256 in hex of a JSON value, whatever the order of its keys. */
export function sha256Json(value: Json): string {
  return sha256(canonicalJson(value));
}

/** sha256 in hex of a file, read as a stream. Throws `UserError('input')` if it cannot be read. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    throw fileError(path, 'a readable file', error);
  }
  return hash.digest('hex');
}
