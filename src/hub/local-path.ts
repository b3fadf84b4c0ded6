import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import { errnoOf } from '../run/index.js';

/** Not on Windows; and no name of a model needs them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const UNSAFE = /[\x00-\x1f\x7f\\:*?"<>|]/;
const MAX_SEGMENT_BYTES = 200;

function isSafe(file: string): boolean {
  return file
    .split('/')
    .every(
      (segment) =>
        segment !== '' &&
        segment !== '.' &&
        segment !== '..' &&
        !UNSAFE.test(segment) &&
        Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES,
    );
}

/**
 * Where each file of a listing lies in `folder`. A server chooses the names, so all that could lead out of the folder is
 * refused: `UserError('input')` with every such name.
 */
export function localPaths(folder: string, files: readonly string[]): ReadonlyMap<string, string> {
  const folders = new Set(files.flatMap(foldersOf));
  const wrong = files.filter((file, i) => !isSafe(file) || folders.has(file) || files.indexOf(file) < i);
  if (wrong.length > 0)
    throw new UserError(
      'input',
      wrong.map(
        (file): Problem => ({
          where: 'the listing of the repository',
          expected: 'names of files below the folder, each once',
          found: JSON.stringify(file),
          fix: 'do not trust this server, or leave the file out with --include',
        }),
      ),
    );
  return new Map(files.map((file) => [file, path.join(folder, ...file.split('/'))]));
}

/** 'a/b/c' lies in 'a' and 'a/b'. */
function foldersOf(file: string): string[] {
  const folders = file.split('/').slice(0, -1);
  return folders.map((_, i) => folders.slice(0, i + 1).join('/'));
}

/** A link among the folders below `folder` would lead out of it as well. */
export async function refuseLinkedFolders(folder: string, files: readonly string[]): Promise<void> {
  const inner = new Set(files.flatMap(foldersOf));
  const problems: Problem[] = [];
  for (const name of inner) {
    const place = path.join(folder, name);
    const stat = await lstat(place).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
      throw error;
    });
    if (stat !== null && !stat.isDirectory())
      problems.push({ where: place, expected: 'a folder', found: stat.isSymbolicLink() ? 'a link' : 'a file' });
  }
  if (problems.length > 0) throw new UserError('input', problems);
}
