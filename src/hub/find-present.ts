import { lstat, open } from 'node:fs/promises';
import { type Problem, UserError } from '../errors.js';
import { errnoOf, fileError } from '../run/index.js';
import { hashFile, startHash } from './file-hash.js';
import type { HubFile } from './list-repository.js';

export interface FindPresentOptions {
  /** Count files with other contents as missing. */
  readonly force: boolean;
  readonly onFile?: (file: HubFile) => void;
  readonly signal?: AbortSignal;
}

/**
 * Which files need not be loaded: those whose place holds a real file with the right hash. Throws `UserError('input')` with
 * all places that hold something else, unless `force` is on.
 */
export async function findPresent(
  files: readonly HubFile[],
  placeOf: (path: string) => string,
  { force, onFile, signal }: FindPresentOptions,
): Promise<ReadonlySet<HubFile>> {
  const present = new Set<HubFile>();
  const problems: Problem[] = [];
  for (const file of files) {
    const place = placeOf(file.path);
    const found = await contentsOf(place, file, () => onFile?.(file), signal);
    if (found === 'the file') present.add(file);
    else if (found === 'a folder' || (found !== 'nothing' && !force))
      problems.push({
        where: place,
        expected: 'nothing, or the file of the repository',
        found,
        fix: found === 'a folder' ? 'choose another folder' : 'choose another folder, or replace it with --force',
      });
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return present;
}

type Contents = 'nothing' | 'the file' | 'a file with other contents' | 'a link' | 'a folder';

async function contentsOf(
  place: string,
  { size, hash }: HubFile,
  onRead: () => void,
  signal?: AbortSignal,
): Promise<Contents> {
  try {
    const stat = await lstat(place);
    if (stat.isDirectory()) return 'a folder';
    // ONNX Runtime maps weights only where their real path stays in the folder, and a link may lead anywhere.
    if (!stat.isFile()) return 'a link';
    if (stat.size !== size) return 'a file with other contents';
    onRead();
    const handle = await open(place, 'r');
    try {
      const own = startHash(hash.algorithm, size);
      await hashFile(own, handle, size, signal);
      return own.digest('hex') === hash.digest ? 'the file' : 'a file with other contents';
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'nothing';
    throw fileError(place, 'a file that can be read', error);
  }
}
