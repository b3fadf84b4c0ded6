import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import { syncDirectory } from './atomic-write.js';
import { errnoOf, fileError } from './file-error.js';

export interface ReplaceFolderOptions {
  /** Put the files into a folder that is not empty, over files of the same names. */
  readonly force: boolean;
  /** Of a folder that is not empty: the files that would be taken for part of the new contents. They are removed. */
  readonly outdated: (name: string) => boolean;
  /** Named last of all, so that a folder with it is whole. */
  readonly last: string;
}

/**
 * Makes a folder whose files `fill` writes: in a staging folder beside it, synced, then renamed, so that a failure leaves
 * nothing at `folder`. Throws `UserError('input')` if it has contents and `force` is off.
 */
export async function replaceFolder(
  folder: string,
  { force, outdated, last }: ReplaceFolderOptions,
  fill: (staging: string) => Promise<void>,
): Promise<void> {
  const target = path.resolve(folder);
  const present = await contents(folder);
  if (!force) refuseContents(folder, present, 'name another one, or give --force to replace files of the same names');
  const staging = path.join(path.dirname(target), `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(path.dirname(target), { recursive: true });
    await mkdir(staging);
    await fill(staging);
    for (const name of await readdir(staging)) await syncFile(path.join(staging, name));
    await syncDirectory(staging);
    if (present.length === 0) {
      await rmdir(target).catch((error: unknown) => {
        if (errnoOf(error) !== 'ENOENT') throw error;
      });
      await rename(staging, target);
    } else await moveInto(staging, target, present.filter(outdated), last);
    await syncDirectory(path.dirname(target));
  } catch (error) {
    await rm(staging, { recursive: true, force: true }).catch(() => undefined);
    throw fileError(folder, 'a folder that can be written', error);
  }
}

/** What a command that never replaces a folder asks before it computes anything. */
export async function checkVacantFolder(folder: string): Promise<void> {
  refuseContents(folder, await contents(folder), 'name another one');
}

function refuseContents(folder: string, present: readonly string[], fix: string): void {
  if (present.length === 0) return;
  const found = `${present.length} files or folders`;
  throw new UserError('input', {
    where: folder,
    expected: 'a folder that does not exist yet or is empty',
    found,
    fix,
  });
}

async function contents(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fileError(folder, 'a folder', error);
  }
}

/** Links have no contents of their own. */
async function syncFile(file: string): Promise<void> {
  const stat = await lstat(file);
  if (!stat.isFile() || stat.nlink > 1) return;
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function moveInto(staging: string, target: string, outdated: readonly string[], last: string): Promise<void> {
  const names = await readdir(staging);
  await rm(path.join(target, last), { force: true });
  for (const name of outdated) await rm(path.join(target, name), { force: true });
  for (const name of [...names.filter((other) => other !== last), ...names.filter((other) => other === last)])
    await rename(path.join(staging, name), path.join(target, name));
  await rmdir(staging);
  await syncDirectory(target);
}
