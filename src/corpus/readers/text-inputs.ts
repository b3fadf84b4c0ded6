import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';

export type TextFormat = 'text' | 'jsonl' | 'parquet';

/** A file that holds documents. */
export interface TextInput {
  readonly file: string;
  /** Names the file in document ids: its path below the folder that was given, with `/`. */
  readonly id: string;
  readonly format: TextFormat;
  readonly bytes: number;
}

export interface TextInputs {
  readonly inputs: readonly TextInput[];
  /** Files of the folder that are of no known kind, as paths below it. */
  readonly skipped: readonly string[];
}

const FORMATS: Readonly<Record<string, TextFormat>> = {
  '.txt': 'text',
  '.text': 'text',
  '.md': 'text',
  '.tex': 'text',
  '.rst': 'text',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.parquet': 'parquet',
};

/**
 * The files a path stands for. A folder is searched to any depth, in the order of the paths; a file given by itself is
 * plain text unless its name says otherwise. Throws `UserError` for a missing path and a folder without texts.
 */
export async function findTextInputs(inputPath: string): Promise<TextInputs> {
  const info = await stat(inputPath).catch((error) => {
    throw fileError(inputPath, 'a text, JSONL or Parquet file or a folder of them', error);
  });
  // Texts are hashed and then read; a pipe would give nothing the second time, and one that nobody writes to would never end.
  if (!info.isDirectory() && !info.isFile())
    throw new UserError('input', {
      where: inputPath,
      expected: 'a file or a folder',
      found: 'a pipe or a device',
      fix: 'write the text to a file first',
    });
  if (!info.isDirectory()) {
    const id = path.basename(inputPath);
    return {
      inputs: [{ file: inputPath, id, format: formatOf(id) ?? plainText(inputPath), bytes: info.size }],
      skipped: [],
    };
  }
  const inputs: TextInput[] = [];
  const skipped: string[] = [];
  for (const id of await filesBelow(inputPath)) {
    const file = path.join(inputPath, id);
    const format = formatOf(id);
    // A link to nothing is none of the texts.
    const size = format === undefined ? null : await stat(file).catch(() => null);
    if (format !== undefined && size?.isFile()) inputs.push({ file, id, format, bytes: size.size });
    else skipped.push(id);
  }
  if (inputs.length === 0)
    throw new UserError('input', {
      where: inputPath,
      expected: `files named ${Object.keys(FORMATS).join(', ')}`,
      found:
        skipped.length === 0 ? 'an empty folder' : `only ${skipped.length} others (${skipped.slice(0, 3).join(', ')})`,
    });
  return { inputs, skipped };
}

function formatOf(name: string): TextFormat | undefined {
  return FORMATS[path.extname(name).toLowerCase()];
}

/** Kinds of file that would pass as text but are not the text. */
function plainText(file: string): TextFormat {
  if (!/\.(json|csv|tsv|html?|xml)$/i.test(file)) return 'text';
  throw new UserError('unsupported', {
    where: file,
    expected: 'plain text, JSONL or Parquet',
    found: path.extname(file),
    fix: 'convert it to JSONL, one object with a text field per line',
  });
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      throw fileError(error.path ?? folder, 'a folder that can be read', error);
    },
  );
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort((a, b) => (a < b ? -1 : 1));
}
