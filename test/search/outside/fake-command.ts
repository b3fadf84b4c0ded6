import { readFileSync } from 'node:fs';
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

/** On Linux. A zombie has ended: who adopted it may ask for its exit code late, or never. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

export async function expectNoneAlive(folder: string): Promise<void> {
  const pids = await startedProcesses(folder);
  await waitFor(async () => pids.every((pid) => !isAlive(pid)));
}
