import { UserError } from '../../errors.js';
import type { TextDocument } from '../types.js';
import { skipCodePoints } from './decode-text.js';
import { readJsonlFile } from './jsonl-file.js';
import type { ReadOptions } from './options.js';
import { readTextFile } from './text-file.js';
import { findTextInputs, type TextInput } from './text-inputs.js';

const READERS = {
  text: async () => readTextFile,
  jsonl: async () => readJsonlFile,
  // Its packages are many and rarely needed.
  parquet: async () => (await import('./parquet-file.js')).readParquetFile,
};

/**
 * The documents of a text file, folder, JSONL or Parquet file. Ids are stable: `3608.txt`, `train.jsonl:17` (line, from
 * 1), `part.parquet:42` (row, from 0). Throws `UserError` for what is not UTF-8, for a missing field or column, and for
 * a document without text.
 */
export async function* readTextDocuments(path: string, options: ReadOptions = {}): AsyncGenerator<TextDocument> {
  yield* readTextInputs((await findTextInputs(path)).inputs, options);
}

/** The documents of files that are known already. */
export async function* readTextInputs(
  inputs: readonly TextInput[],
  options: ReadOptions,
): AsyncGenerator<TextDocument> {
  const skip = options.skipCharacters ?? 0;
  for (const { file, id, format } of inputs) {
    const read = await READERS[format]();
    for await (const document of read(file, id, options)) {
      const text = skipCodePoints(document.text, skip);
      if (text === '') throw emptyDocument(document, file, skip);
      yield skip === 0 ? document : { id: document.id, text };
    }
  }
}

function emptyDocument({ id, text }: TextDocument, file: string, skip: number): UserError {
  return new UserError('input', {
    where: id === file || file.endsWith(id) ? file : `${file} (${id})`,
    expected: skip === 0 ? 'text' : `more than the ${skip} characters to skip`,
    found: text === '' ? 'an empty document' : `${[...text].length} characters`,
  });
}
