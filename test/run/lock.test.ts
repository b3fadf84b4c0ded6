import { fork } from 'node:child_process';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { acquireLock } from '../../src/run/index.js';
import { bundle } from '../helpers/bundle.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

let program: string;
beforeAll(async () => {
  program = await bundle(new URL('./lock-holder.ts', import.meta.url));
});
afterAll(() => rm(dirname(program), { recursive: true, force: true }));

async function folders(): Promise<[string, string]> {
  const parent = await temporaryFolder();
  const pair: [string, string] = [join(parent, 'run'), join(parent, 'evidence')];
  for (const folder of pair) await mkdir(folder);
  return pair;
}

const holder = (directory: string, evidence: string, rounds: number | 'one without end') =>
  fork(program, [directory, evidence, String(rounds)]);
const exitOf = (child: ReturnType<typeof holder>) =>
  new Promise<number | string | null>((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)));
const held = (child: ReturnType<typeof holder>) =>
  new Promise<void>((resolve) => child.once('message', () => resolve()));

const LOCK = 'lock.0123456789ab';

describe('lock of a folder', () => {
  test('names the process that has it, and can be had again when that one is killed', async () => {
    const [directory, evidence] = await folders();
    const child = holder(directory, evidence, 'one without end');
    const exit = exitOf(child);
    await held(child);
    child.kill('SIGSTOP');
    const { kind, message } = await rejection(acquireLock(directory));
    expect([kind, message]).toEqual([
      'busy',
      expect.stringContaining(`process ${child.pid} on ${hostname()} using it`),
    ]);
    child.kill('SIGKILL');
    expect(await exit).toBe('SIGKILL');
    const lock = await acquireLock(directory);
    expect((await readdir(directory)).filter((name) => name.startsWith('lock.'))).toHaveLength(1);
    await lock.release();
    expect(await readdir(directory)).toEqual([]);
  });

  test('many processes, some of them killed while they hold it: never two at once', { timeout: 120_000 }, async () => {
    const [directory, evidence] = await folders();
    const steady = Array.from({ length: 4 }, () => holder(directory, evidence, 25));
    const exits = steady.map(exitOf);
    for (let victim = 0; victim < 6; victim++) {
      const child = holder(directory, evidence, 1e9);
      const exit = exitOf(child);
      await held(child);
      child.kill('SIGKILL');
      expect(await exit).toBe('SIGKILL');
    }
    expect(await Promise.all(exits)).toEqual([0, 0, 0, 0]);
  });

  test('a process id that was given again does not keep the lock of the one before', async () => {
    const [directory] = await folders();
    const earlier = { pid: process.pid, host: hostname(), start: 'another boot:1' };
    await writeFile(join(directory, LOCK), JSON.stringify(earlier));
    const lock = await acquireLock(directory);
    expect(await readdir(directory)).not.toContain(LOCK);
    expect(await readdir(directory)).toHaveLength(1);
    await lock.release();
  });

  test('a process on another host is believed to run', async () => {
    const [directory] = await folders();
    await writeFile(join(directory, LOCK), JSON.stringify({ pid: 1, host: 'elsewhere', start: null }));
    const error = await rejection(acquireLock(directory));
    expect(error.kind).toBe('busy');
    expect(error.message).toContain('process 1 on elsewhere');
    expect(error.message).toContain(join(directory, LOCK));
  });

  test('a lock file that a power cut left empty is taken over', async () => {
    const [directory] = await folders();
    await writeFile(join(directory, LOCK), '');
    await (await acquireLock(directory)).release();
  });
});
