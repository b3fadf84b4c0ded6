import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { errnoOf } from './file-error.js';
import { mayBeRunning, startOf } from './process-identity.js';

/** Names that only writers leave behind that were interrupted. */
export const TEMPORARY_NAME = /^\..+\.[0-9a-f]{12}\.tmp$/;

/** Of a new file or folder that is to become `target`; it says which process writes it. */
export function temporaryName(target: string, pid = process.pid): string {
  return `${startOfName(target)}${mark(pid)}.${randomBytes(6).toString('hex')}.tmp`;
}

/** Removes from `folder` what processes of this host have left there that were killed while they wrote `target`. */
export async function removeUnfinished(folder: string, target: string): Promise<void> {
  for (const name of await unfinished(folder, target))
    await rm(join(folder, name), { recursive: true, force: true }).catch((error: unknown) => {
      // Another user's, in a shared folder: it is in nobody's way.
      if (errnoOf(error) === undefined) throw error;
    });
}

/** The names of what `removeUnfinished` removes. */
export async function unfinished(folder: string, target: string): Promise<string[]> {
  const start = startOfName(target);
  const names = await readdir(folder).catch((error: unknown) => {
    // What cannot be read is refused where it is written to.
    if (errnoOf(error) === undefined) throw error;
    return [];
  });
  return names.filter((name) => {
    if (!name.startsWith(start) || !TEMPORARY_NAME.test(name)) return false;
    const pid = Number.parseInt(name.slice(start.length), 10);
    if (!mayBeRunning({ pid, host: hostname(), start: null })) return true;
    // Whose start is hidden (hidepid) may be the writer.
    return startOf(pid) !== null && !name.startsWith(`${start}${mark(pid)}.`);
  });
}

/** Hosts are named by a hash, as their names may be long. */
function startOfName(target: string): string {
  return `.${basename(target)}.${digest(hostname())}-`;
}

/** A process id alone is given again after a restart of the machine or its container. */
function mark(pid: number): string {
  return `${pid}-${digest(startOf(pid) ?? '')}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
