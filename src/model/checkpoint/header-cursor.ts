import { isUtf8 } from 'node:buffer';
import { readSync } from 'node:fs';
import { UserError } from '../../errors.js';
import { type OpenFile, truncated } from './file.js';

/** Headers are read forward in pieces of this size, so a small header costs one read and a large file is never loaded. */
const WINDOW_BYTES = 1 << 20;

/** Reads little-endian values forward through the head of a file and never past its end. */
export class HeaderCursor {
  readonly #file: OpenFile;
  #window = Buffer.alloc(0);
  #windowStart = 0;
  position = 0;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  get remaining(): number {
    return this.#file.size - this.position;
  }

  fail(expected: string, found: string, where?: string): never {
    throw new UserError('input', {
      where: where === undefined ? this.#file.path : `${this.#file.path}: ${where}`,
      expected,
      found: `${found} (before byte ${this.position})`,
    });
  }

  u8 = () => this.#take(1).readUInt8(this.#at(1));
  i8 = () => this.#take(1).readInt8(this.#at(1));
  u16 = () => this.#take(2).readUInt16LE(this.#at(2));
  i16 = () => this.#take(2).readInt16LE(this.#at(2));
  u32 = () => this.#take(4).readUInt32LE(this.#at(4));
  i32 = () => this.#take(4).readInt32LE(this.#at(4));
  f32 = () => this.#take(4).readFloatLE(this.#at(4));
  f64 = () => this.#take(8).readDoubleLE(this.#at(8));
  u64 = () => narrow(this.#take(8).readBigUInt64LE(this.#at(8)));
  i64 = () => narrow(this.#take(8).readBigInt64LE(this.#at(8)));

  /** A u64 that counts or measures something: at most `limit`. */
  length(what: string, limit: number): number {
    const low = this.u32();
    const value = this.u32() * 2 ** 32 + low;
    if (value > limit) this.fail(`${what} of at most ${limit}`, `${value}`);
    return value;
  }

  /** u64 length and that many bytes of UTF-8. */
  string(what: string, limit: number): string {
    const length = this.length(`${what} length`, limit);
    const window = this.#take(length);
    const start = this.#at(length);
    const text = window.toString('utf8', start, start + length);
    // Only text with a replacement character can come from invalid bytes: checking the others would double the time.
    if (text.includes('\ufffd') && !isUtf8(window.subarray(start, start + length)))
      this.fail(`${what} in UTF-8`, 'other bytes');
    return text;
  }

  /** Makes `count` bytes available in the window and steps over them. */
  #take(count: number): Buffer {
    const end = this.position + count;
    if (end > this.#file.size) throw truncated(this.#file.path, end, this.#file.size);
    if (end > this.#windowStart + this.#window.byteLength) {
      const size = Math.min(Math.max(count, WINDOW_BYTES), this.#file.size - this.position);
      const window = Buffer.allocUnsafe(size);
      let filled = 0;
      while (filled < size) {
        const read = readSync(this.#file.handle.fd, window, filled, size - filled, this.position + filled);
        if (read === 0) throw truncated(this.#file.path, end, this.position + filled);
        filled += read;
      }
      this.#window = window;
      this.#windowStart = this.position;
    }
    this.position = end;
    return this.#window;
  }

  /** Where in the window the `count` bytes that were just taken begin. */
  #at(count: number): number {
    return this.position - count - this.#windowStart;
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
