import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.js';
import { fileError } from './file-error.js';
import { temporaryName } from './temporary-name.js';

/**
 * Writes a file so that a reader, or a power cut, sees either the old content or the whole new one: a temporary name in
 * the same folder, fsync, rename, fsync of the folder. Throws `UserError('resource')` when the disk is full, with the old
 * file untouched and the temporary one removed.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  await replaceFile(path, (handle) => handle.writeFile(data));
}

/** The same for contents that `fill` writes piece by piece; whatever it throws leaves the old file untouched. */
export async function replaceFile(path: string, fill: (handle: FileHandle) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), temporaryName(path));
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx');
    await fill(handle);
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fileError(path, 'a file that can be written', error);
  }
}

/** For what is computed for long and written at its end: throws at once where no file of this name could be written. */
export async function checkFileTarget(path: string): Promise<void> {
  const isFolder = (await stat(path).catch(() => null))?.isDirectory() === true;
  if (isFolder) throw new UserError('usage', { where: path, expected: 'a file to write', found: 'a folder' });
  const temporary = join(dirname(path), temporaryName(path));
  try {
    await (await open(temporary, 'wx')).close();
    await rm(temporary);
  } catch (error) {
    throw fileError(path, 'a file that can be written', error);
  }
}

/** A rename or a new name is durable only once its folder is. Windows cannot open folders and does not need it. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
