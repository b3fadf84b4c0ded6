import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '../../helpers/wait-for.js';

const SCRIPT = path.join(import.meta.dirname, 'fake-command.mjs');

/** `mode`: how it misbehaves; `hello`: what it says otherwise in its first line. */
export function fakeCommand(mode: string, folder: string, hello: object = {}): [string, ...string[]] {
  return [process.execPath, SCRIPT, mode, folder, JSON.stringify(hello)];
}

/** Processes that were started with this folder. */
export async function startedProcesses(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => (name.startsWith('process-') ? [Number(name.slice(8))] : []));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export async function expectNoneAlive(folder: string): Promise<void> {
  const pids = await startedProcesses(folder);
  await waitFor(async () => pids.every((pid) => !isAlive(pid)), 10);
}
