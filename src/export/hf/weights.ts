import { constants } from 'node:fs';
import { chmod, copyFile, link, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from '../../run/index.js';

export const WEIGHT_MODES = ['copy', 'link', 'none'] as const;
export type WeightMode = (typeof WEIGHT_MODES)[number];

export interface PlacedFile {
  readonly name: string;
  readonly bytes: number;
  readonly how: 'copied' | 'hard link' | 'symbolic link' | 'written';
}

/**
 * Puts `file` into a folder under `name`: a copy (which shares blocks where the file system can, and can be written to), or a
 * hard link, or, on another file system, a symbolic link to the real path.
 */
export async function placeFile(
  file: string,
  folder: string,
  name: string,
  mode: Exclude<WeightMode, 'none'>,
): Promise<PlacedFile> {
  const target = path.join(folder, name);
  const { size: bytes, mode: permissions } = await stat(file);
  if (mode === 'copy') {
    await copyFile(file, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    // Of a shared store whose files are read-only, the copy is the user's own. Some shares (CIFS) refuse every change of a mode.
    if ((permissions & constants.S_IWUSR) === 0) await chmod(target, permissions | constants.S_IWUSR);
    return { name, bytes, how: 'copied' };
  }
  try {
    await link(file, target);
    return { name, bytes, how: 'hard link' };
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP'].includes(errnoOf(error) ?? '')) throw error;
    await symlink(file, target);
    return { name, bytes, how: 'symbolic link' };
  }
}
