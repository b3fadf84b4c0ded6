import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.js';
import { errnoOf, fileError } from './file-error.js';
import { mayBeRunning, ownIdentity, type ProcessIdentity } from './process-identity.js';

export const LOCK_NAME = /^lock\.(\d{1,15})$/;
/** Two processes that step on each other's takeover both step back; this often they try again. */
const ATTEMPTS = 20;

export interface Lock {
  release(): Promise<void>;
}

interface Found {
  readonly number: number;
  /** null when the file vanished or is not ours. */
  readonly holder: ProcessIdentity | null;
}

/**
 * Takes a folder for this process. Throws `UserError('busy')` naming process id and host of the one that has it; the lock
 * of a process that died, even by SIGKILL, is taken over.
 *
 * A lock is a file `lock.N`, linked into place whole and only if the name is free. A dead holder's file is never
 * replaced: its successor creates `lock.N+1`, which one process alone can do, then checks that `lock.N` is still there,
 * as its holder may have released it while being examined. This needs no heartbeat, and no step can remove the lock of
 * a living process.
 */
export async function acquireLock(directory: string): Promise<Lock> {
  const own = ownIdentity();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await newestLock(directory);
    if (before?.holder && mayBeRunning(before.holder)) throw busy(directory, before.number, before.holder);
    const number = (before?.number ?? 0) + 1;
    if (!(await tryLink(directory, number, own))) continue;
    const path = join(directory, `lock.${number}`);
    const after = await lockNumbers(directory);
    const undisturbed = Math.max(...after) === number && (before === undefined || after.includes(before.number));
    if (undisturbed) {
      for (const old of after) if (old !== number) await rm(join(directory, `lock.${old}`), { force: true });
      return { release: () => rm(path, { force: true }) };
    }
    await rm(path, { force: true });
    await sleep(5 + (randomBytes(1)[0] as number) / 4);
  }
  throw new UserError('busy', {
    where: directory,
    expected: 'a run folder that no other process uses',
    found: 'several processes trying to open it',
  });
}

async function lockNumbers(directory: string): Promise<number[]> {
  try {
    return (await readdir(directory)).flatMap((name) => {
      const number = LOCK_NAME.exec(name)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
  } catch (error) {
    throw fileError(directory, 'a run folder', error);
  }
}

async function newestLock(directory: string): Promise<Found | undefined> {
  const numbers = await lockNumbers(directory);
  if (numbers.length === 0) return undefined;
  const number = Math.max(...numbers);
  const text = await readFile(join(directory, `lock.${number}`), 'utf8').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return null;
    throw fileError(join(directory, `lock.${number}`), 'a lock file that can be read', error);
  });
  return { number, holder: text === null ? null : parseHolder(text) };
}

function parseHolder(text: string): ProcessIdentity | null {
  try {
    const { pid, host, start } = JSON.parse(text) as Record<string, unknown>;
    const valid =
      Number.isSafeInteger(pid) && typeof host === 'string' && (start === null || typeof start === 'string');
    return valid ? { pid: pid as number, host, start } : null;
  } catch {
    // Power went while it was written: whoever wrote it is gone.
    return null;
  }
}

async function tryLink(directory: string, number: number, own: ProcessIdentity): Promise<boolean> {
  const temporary = join(directory, `.lock.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(`${JSON.stringify(own)}\n`);
    } finally {
      await handle.close();
    }
    await link(temporary, join(directory, `lock.${number}`));
    return true;
  } catch (error) {
    // ENOENT: the holder of the folder swept the temporary away; whether the folder itself is there shows at the next look.
    if (errnoOf(error) === 'EEXIST' || errnoOf(error) === 'ENOENT') return false;
    throw fileError(directory, 'a run folder that can be written', error);
  } finally {
    await rm(temporary, { force: true });
  }
}

function busy(directory: string, number: number, { pid, host }: ProcessIdentity): UserError {
  return new UserError('busy', {
    where: directory,
    expected: 'a run folder that no other process uses',
    found: `process ${pid} on ${host} using it`,
    fix: `wait for it or choose another folder; if that process has certainly ended, delete ${join(directory, `lock.${number}`)}`,
  });
}
