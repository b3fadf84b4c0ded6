import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { UserError } from '../errors.js';
import { syncDirectory } from './atomic-write.js';
import { fileError } from './file-error.js';
import { canonicalJson, type Json } from './json.js';

const LINE = /^\{"crc32":"([0-9a-f]{8})","entry":(.+)\}$/s;

/** The checksum of a line starts from the one before it, so a line that is missing or moved is noticed too. */
function encode(entry: Json, previous: number): { readonly line: string; readonly checksum: number } {
  const text = canonicalJson(entry);
  const checksum = crc32(text, previous);
  return { line: `{"crc32":"${checksum.toString(16).padStart(8, '0')}","entry":${text}}\n`, checksum };
}

function decode(line: string, previous: number): { readonly entry: Json; readonly checksum: number } | null {
  const [, stated, text] = LINE.exec(line) ?? [];
  if (stated === undefined || text === undefined) return null;
  const checksum = crc32(text, previous);
  return Number.parseInt(stated, 16) === checksum ? { entry: JSON.parse(text) as Json, checksum } : null;
}

/**
 * The record of a run: JSON lines that are only ever appended, each with a CRC-32 chained to the line before.
 * An `append` is on the disk when it resolves. What a kill or a power cut leaves half-written can only be the last line;
 * `open` cuts it off. Any other damage is refused, as results would silently change.
 */
export class Journal {
  private constructor(
    readonly path: string,
    /** What the file held when it was opened. */
    readonly entries: readonly Json[],
    private readonly handle: FileHandle,
    private length: number,
    private checksum: number,
  ) {}

  /** Opens or creates the journal at `path`. Throws `UserError('input')` for a damaged line before the last. */
  static async open(path: string): Promise<Journal> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'a+');
      const bytes = await handle.readFile();
      const { entries, length, checksum } = parseJournal(path, bytes);
      if (length < bytes.length) await handle.truncate(length);
      await handle.sync();
      await syncDirectory(dirname(path));
      return new Journal(path, entries, handle, length, checksum);
    } catch (error) {
      await handle?.close();
      throw fileError(path, 'a journal that can be read and written', error);
    }
  }

  async append(entries: readonly Json[]): Promise<void> {
    if (entries.length === 0) return;
    let { checksum } = this;
    let text = '';
    for (const entry of entries) {
      const encoded = encode(entry, checksum);
      text += encoded.line;
      checksum = encoded.checksum;
    }
    const bytes = Buffer.from(text);
    try {
      await this.handle.appendFile(bytes);
      await this.handle.sync();
    } catch (error) {
      // Whole lines of a failed batch are true, but nobody was told that they are there.
      await this.handle.truncate(this.length).catch(() => undefined);
      throw fileError(this.path, 'a journal that can be appended to', error);
    }
    this.length += bytes.length;
    this.checksum = checksum;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** Reads the entries of a journal's bytes; `length` is where the intact lines end. */
export function parseJournal(path: string, bytes: Uint8Array): { entries: Json[]; length: number; checksum: number } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Json[] = [];
  let length = 0;
  let checksum = 0;
  while (length < buffer.length) {
    const newline = buffer.indexOf(0x0a, length);
    const decoded = newline < 0 ? null : decode(buffer.toString('utf8', length, newline), checksum);
    if (decoded === null) {
      const isLast = newline < 0 || newline === buffer.length - 1;
      if (isLast) break;
      throw new UserError('input', {
        where: `${path}, line ${entries.length + 1}`,
        expected: 'a journal line whose checksum is right',
        found: 'a damaged line with more lines after it',
        fix: 'restore the file from a copy, or start again in a new folder',
      });
    }
    entries.push(decoded.entry);
    checksum = decoded.checksum;
    length = newline + 1;
  }
  return { entries, length, checksum };
}
