import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.js';
import { errnoOf, fileError } from './file-error.js';
import { mayBeRunning, ownIdentity, type ProcessIdentity } from './process-identity.js';

export const LOCK_NAME = /^lock\.[0-9a-f]{12}$/;
/** An announcement that is being written, and the process that writes it. */
const UNFINISHED_NAME = /^\.lock\.(\d+)\.[0-9a-f]{12}\.tmp$/;
/** Two processes that begin at the same moment both step back; so often they look again before one is refused. */
const ATTEMPTS = 5;

export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes a folder for this process. Throws `UserError('busy')` naming process id and host of the one that has it; the lock
 * of a process that died, even by SIGKILL, is taken over at once.
 *
 * Every process announces itself in a file of its own, which appears whole, and then looks for others: of any two, the
 * one that announced itself later sees the other and steps back. Nobody's file is replaced, and only a holder removes
 * files, those of dead processes; so no step can harm a living one's lock, and no heartbeat is needed.
 */
export async function acquireLock(directory: string): Promise<Lock> {
  for (let attempt = 1; ; attempt++) {
    let others = await announced(directory);
    if (!others.some(isLive)) {
      const name = `lock.${randomBytes(6).toString('hex')}`;
      await announce(directory, name);
      const release = () => rm(join(directory, name), { force: true });
      others = (await announced(directory)).filter((other) => other.name !== name);
      if (!others.some(isLive)) {
        for (const dead of others) await rm(join(directory, dead.name), { force: true });
        await sweepUnfinished(directory);
        return { release };
      }
      await release();
    }
    const live = others.find(isLive) as Announced;
    if (attempt === ATTEMPTS) throw busy(join(directory, live.name), directory, live.holder as ProcessIdentity);
    await sleep(10 + (randomBytes(1)[0] as number) / 8);
  }
}

interface Announced {
  readonly name: string;
  /** null when the file is gone by now, or was never finished by a machine that lost power. */
  readonly holder: ProcessIdentity | null;
}

function isLive({ holder }: Announced): boolean {
  return holder !== null && mayBeRunning(holder);
}

async function announced(directory: string): Promise<Announced[]> {
  try {
    const names = (await readdir(directory)).filter((name) => LOCK_NAME.test(name));
    return await Promise.all(names.map(async (name) => ({ name, holder: await readHolder(join(directory, name)) })));
  } catch (error) {
    throw fileError(directory, 'a run folder that can be read', error);
  }
}

async function readHolder(path: string): Promise<ProcessIdentity | null> {
  try {
    const { pid, host, start } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    const valid =
      Number.isSafeInteger(pid) && typeof host === 'string' && (start === null || typeof start === 'string');
    return valid ? { pid: pid as number, host, start } : null;
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Renamed into place, so that nobody reads half of it; not linked, as not every disk has links. The name is taken by nobody. */
async function announce(directory: string, name: string): Promise<void> {
  const temporary = join(directory, `.lock.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(`${JSON.stringify(ownIdentity())}\n`);
    } finally {
      await handle.close();
    }
    await rename(temporary, join(directory, name));
  } catch (error) {
    throw fileError(directory, 'a run folder that can be written', error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** What processes leave that are killed while they announce themselves. */
async function sweepUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = UNFINISHED_NAME.exec(name)?.[1];
    if (pid !== undefined && !mayBeRunning({ pid: Number(pid), host: hostname(), start: null }))
      await rm(join(directory, name), { force: true });
  }
}

function busy(path: string, directory: string, { pid, host }: ProcessIdentity): UserError {
  return new UserError('busy', {
    where: directory,
    expected: 'a run folder that no other process uses',
    found: `process ${pid} on ${host} using it`,
    fix: `wait for it or choose another folder; if that process has certainly ended, delete ${path}`,
  });
}
