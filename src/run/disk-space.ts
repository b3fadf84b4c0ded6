import { statfs } from 'node:fs/promises';
import { UserError } from '../errors.js';

/** Throws `UserError('resource')` when `folder`, which exists, has no room for so many bytes of `what`. */
export async function checkSpace(
  folder: string,
  bytes: number,
  what: string,
  fix = 'free space or choose another disk',
): Promise<void> {
  const disk = await statfs(folder);
  const free = disk.bavail * disk.bsize;
  if (free >= bytes) return;
  throw new UserError('resource', {
    where: folder,
    expected: `${(bytes / 1e9).toFixed(2)} GB for ${what}`,
    found: `${(free / 1e9).toFixed(2)} GB free`,
    fix,
  });
}
