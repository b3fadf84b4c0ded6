import { constants, isUtf8 } from 'node:buffer';
import { UserError } from '../../errors.js';

/** A document has to fit into one string of the engine, about half a billion characters. */
export const MAX_TEXT_BYTES = constants.MAX_STRING_LENGTH;

/**
 * UTF-8 bytes as text; a byte order mark at the start is not text and is dropped. Returns null for other bytes, since
 * replacement characters would be tokenised like real ones.
 */
export function decodeUtf8(bytes: Uint8Array): string | null {
  return isUtf8(bytes) ? new TextDecoder('utf-8').decode(bytes) : null;
}

/** Number (from 1) of the first line that is not UTF-8. */
export function firstInvalidLine(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
  }
  return line;
}

/** The text after its first `count` code points. */
export function skipCodePoints(text: string, count: number): string {
  let at = 0;
  for (let i = 0; i < count && at < text.length; i++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return text.slice(at);
}

export function checkTextSize(where: string, bytes: number): void {
  if (bytes <= MAX_TEXT_BYTES) return;
  throw new UserError('resource', {
    where,
    expected: `at most ${MAX_TEXT_BYTES} bytes in one document`,
    found: `${bytes}`,
    fix: 'split it into several documents',
  });
}
