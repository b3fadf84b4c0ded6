import { createReadStream } from 'node:fs';
import { type Problem, UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';
import type { TextDocument } from '../types.js';
import { checkTextSize, decodeUtf8 } from './decode-text.js';
import { DEFAULT_TEXT_FIELD, type ReadOptions } from './options.js';

/** Bad lines listed before the reader gives up: enough to see what is wrong with the file. */
const MAX_PROBLEMS = 20;

/**
 * One document per line of JSON objects; blank lines do not count as documents but as lines. After the first bad line
 * nothing more is yielded: the rest is only checked, so that the error names all bad lines at once.
 */
export async function* readJsonlFile(file: string, id: string, options: ReadOptions): AsyncGenerator<TextDocument> {
  const field = options.textField ?? DEFAULT_TEXT_FIELD;
  const problems: Problem[] = [];
  let number = 0;
  for await (const line of linesOf(file, options)) {
    number++;
    const text = parseLine(line, field);
    if (text === null) continue;
    if (typeof text !== 'string') problems.push({ where: `${file}:${number}`, ...text });
    else if (problems.length === 0) yield { id: `${id}:${number}`, text };
    if (problems.length === MAX_PROBLEMS) break;
  }
  if (problems.length > 0) throw new UserError('input', problems);
}

/** The text of a line, null for a blank line, or what is wrong with it. */
function parseLine(line: Uint8Array, field: string): string | null | Omit<Problem, 'where'> {
  const source = decodeUtf8(line);
  if (source === null) return { expected: 'UTF-8', found: 'bytes that are not UTF-8' };
  if (source.trim() === '') return null;
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    return { expected: 'a JSON object', found: error instanceof Error ? error.message : 'other text' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { expected: 'a JSON object', found: Array.isArray(value) ? 'a list' : JSON.stringify(value).slice(0, 60) };
  const text = (value as Readonly<Record<string, unknown>>)[field];
  if (typeof text === 'string') return text;
  const expected = `a string in the field ${JSON.stringify(field)}`;
  if (text === undefined)
    return {
      expected,
      found: `the fields ${Object.keys(value).join(', ') || '(none)'}`,
      fix: 'name the field with --text-field',
    };
  return { expected, found: text === null ? 'null' : typeof text };
}

/** Lines as bytes: a cut between the bytes of one character must not matter. */
async function* linesOf(file: string, { onRead }: ReadOptions): AsyncGenerator<Uint8Array> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
        yield Buffer.concat([...pending, chunk.subarray(start, end)]);
        pending = [];
        pendingBytes = 0;
        start = end + 1;
      }
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      checkTextSize(file, pendingBytes);
      onRead?.(chunk.length);
    }
  } catch (error) {
    throw fileError(file, 'a readable JSONL file', error);
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}
