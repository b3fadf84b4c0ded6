import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { errnoOf } from './file-error.js';
import { mayBeRunning } from './process-identity.js';

/** Names that only writers leave behind that were interrupted. */
export const TEMPORARY_NAME = /^\..+\.[0-9a-f]{12}\.tmp$/;

/** Of this process: an earlier one, before a restart of its container, may have had its id. */
const own = new Set<string>();

/** Of a new file or folder that is to become `target`; it says which process writes it. */
export function temporaryName(target: string): string {
  const name = `.${basename(target)}.${hostKey()}-${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  own.add(name);
  return name;
}

/** Removes from `folder` what processes of this host have left there that were killed while they wrote `target`. */
export async function removeUnfinished(folder: string, target: string): Promise<void> {
  const start = `.${basename(target)}.${hostKey()}-`;
  const names = await readdir(folder).catch((error: unknown) => {
    // What cannot be read is refused where it is written to.
    if (errnoOf(error) === undefined) throw error;
    return [];
  });
  for (const name of names) {
    if (!name.startsWith(start) || !TEMPORARY_NAME.test(name) || own.has(name)) continue;
    const pid = Number.parseInt(name.slice(start.length), 10);
    if (pid === process.pid || !mayBeRunning({ pid, host: hostname(), start: null }))
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Names of hosts may be long. */
function hostKey(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
}
