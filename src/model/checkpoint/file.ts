import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { UserError } from '../../errors.js';
import { fileError } from '../../run/file-error.js';
import { describeValue } from '../describe.js';

/** A regular file that is open for reading. `path` is its real path: what ONNX Runtime must be given. */
export interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly size: number;
}

/** Opens `path`, hands it to `use` and closes it. Missing, unreadable and non-regular files are `UserError`s. */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK opening a FIFO waits for a writer for ever.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw fileError(path, 'a readable file', error);
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile())
      throw new UserError('input', { where: path, expected: 'a regular file', found: 'something else' });
    return await use({ path: await realpath(path), handle, size: stat.size });
  } finally {
    await handle.close();
  }
}

/** Fills `buffer` from `position`; a file that ends before is a `UserError`. */
export async function readExactly(file: OpenFile, buffer: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < buffer.byteLength) {
    const { bytesRead } = await file.handle.read(buffer, done, buffer.byteLength - done, position + done);
    if (bytesRead === 0) throw truncated(file.path, position + buffer.byteLength, position + done);
    done += bytesRead;
  }
}

/** The whole of a UTF-8 JSON file that holds an object. */
export async function readJsonObject(path: string, maxBytes: number): Promise<Record<string, unknown>> {
  return withFile(path, async (file) => {
    if (file.size > maxBytes)
      throw new UserError('input', { where: path, expected: `at most ${maxBytes} bytes`, found: `${file.size} bytes` });
    const buffer = Buffer.alloc(file.size);
    await readExactly(file, buffer, 0);
    return parseJsonObject(buffer, path);
  });
}

/** Real files nest at most ten deep; whatever walks much deeper ones overflows the stack. */
const MAX_JSON_DEPTH = 100;

export function parseJsonObject(bytes: Uint8Array, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new UserError(
      'input',
      { where, expected: 'JSON in UTF-8', found: (error as Error).message },
      { cause: error },
    );
  }
  if (!isObject(value)) throw new UserError('input', { where, expected: 'a JSON object', found: describeValue(value) });
  if (isDeeper(value, MAX_JSON_DEPTH))
    throw new UserError('input', { where, expected: `JSON nested at most ${MAX_JSON_DEPTH} deep`, found: 'deeper' });
  return value;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeper(child, levels - 1));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function truncated(path: string, needed: number, size: number): UserError {
  return new UserError('input', {
    where: path,
    expected: `at least ${needed} bytes`,
    found: `${size} (the file is truncated or its header is damaged)`,
    fix: 'download or copy it again',
  });
}
