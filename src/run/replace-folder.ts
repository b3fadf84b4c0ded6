import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import { syncDirectory } from './atomic-write.js';
import { errnoOf, fileError } from './file-error.js';
import { removeUnfinished, TEMPORARY_NAME, temporaryName } from './temporary-name.js';
import { asideOf, halfMoved, planMoves, renameIfThere, undoMoves } from './unfinished-moves.js';

export interface ReplaceFolderOptions {
  /** Put the files into a folder that is not empty, over files of the same names. */
  readonly force: boolean;
  /** Of a folder that is not empty: the files that would be taken for part of the new contents. They are removed. */
  readonly outdated: (name: string) => boolean;
  /** Named last of all, so that a folder with it is whole. */
  readonly last: string;
}

/**
 * Makes a folder whose files `fill` writes: in a staging folder, synced, then renamed, so that a failure leaves nothing at
 * `folder`. Throws `UserError('input')` if it has contents and `force` is off.
 *
 * A folder that exists is staged in and never replaced itself, as it may be a mount point: neither can that be renamed, nor
 * files into it from outside.
 */
export async function replaceFolder(
  folder: string,
  { force, outdated, last }: ReplaceFolderOptions,
  fill: (staging: string) => Promise<void>,
): Promise<void> {
  const target = path.resolve(folder);
  const refuse = (names: readonly string[]) =>
    refuseContents(folder, names, 'name another one, or give --force to replace files of the same names');
  const present = await contents(folder);
  if (!force) refuse(present ?? []);
  const parent = present === null ? path.dirname(target) : target;
  const staging = path.join(parent, temporaryName(target));
  try {
    await mkdir(parent, { recursive: true });
    if (present !== null) {
      await undoMoves(target);
      await removeUnfinished(target, target);
    }
    // Where the target was missing then, an earlier one was staged beside it.
    await removeUnfinished(path.dirname(target), target);
    await mkdir(staging);
    await fill(staging);
    await syncAll(staging);
    if (present !== null || !(await isRenamed(staging, target))) {
      const found = (await contents(folder)) ?? [];
      // Somebody else may have been faster.
      if (!force) refuse(found);
      await moveInto(staging, target, { last, outdated: found.filter(outdated), wasEmpty: found.length === 0 });
    }
    await syncDirectory(target);
    await syncDirectory(path.dirname(target));
  } catch (error) {
    await rm(staging, { recursive: true, force: true }).catch(() => undefined);
    throw fileError(folder, 'a folder that can be written', error);
  }
}

/** What a command that never replaces a folder asks before it computes anything. */
export async function checkVacantFolder(folder: string): Promise<void> {
  refuseContents(folder, (await contents(folder)) ?? [], 'name another one');
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

/** Without what is being written, or was when its writer was killed; null: there is no such folder. */
async function contents(folder: string): Promise<string[] | null> {
  try {
    const names = (await readdir(folder)).filter((name) => !TEMPORARY_NAME.test(name));
    const left = await halfMoved(path.resolve(folder));
    return names.filter((name) => !left.includes(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw fileError(folder, 'a folder', error);
  }
}

async function syncAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    await (entry.isDirectory() ? syncAll : syncFile)(path.join(folder, entry.name));
  await syncDirectory(folder);
}

/** Links have no contents of their own. */
async function syncFile(file: string): Promise<void> {
  const stat = await lstat(file);
  if (!stat.isFile() || stat.nlink > 1) return;
  // Windows syncs only what is open for writing; elsewhere a copy of a read-only file could not be opened so.
  const handle = await open(file, process.platform === 'win32' ? 'r+' : 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** False where there is a folder with contents by now. */
async function isRenamed(staging: string, target: string): Promise<boolean> {
  try {
    await rename(staging, target);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** Until the last file is there the folder must not look whole; until a file could be moved into it, nothing is lost. */
async function moveInto(
  staging: string,
  target: string,
  { last, outdated, wasEmpty }: { last: string; outdated: readonly string[]; wasEmpty: boolean },
): Promise<void> {
  const names = (await readdir(staging)).filter((name) => name !== last);
  const aside = asideOf(staging, last);
  await planMoves(staging, { names: [...names, last], wasEmpty });
  await renameIfThere(path.join(target, last), aside);
  for (const [i, name] of names.entries())
    await rename(path.join(staging, name), path.join(target, name)).catch(async (error: unknown) => {
      if (i === 0) await renameIfThere(aside, path.join(target, last));
      throw error;
    });
  for (const name of outdated.filter((other) => !names.includes(other)))
    await rm(path.join(target, name), { force: true });
  await rename(path.join(staging, last), path.join(target, last));
  await rm(staging, { recursive: true });
}
