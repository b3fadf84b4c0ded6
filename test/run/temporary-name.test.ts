import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { removeUnfinished, temporaryName } from '../../src/run/temporary-name.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const hidden = vi.hoisted(() => ({ pids: new Set<number>(), folders: new Set<string>() }));

vi.mock('../../src/run/process-identity.js', async (original) => {
  const real = await original<typeof import('../../src/run/process-identity.js')>();
  return { ...real, startOf: (pid: number) => (hidden.pids.has(pid) ? null : real.startOf(pid)) };
});

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const rm: typeof real.rm = async (file, options) => {
    if (hidden.folders.has(String(file))) throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
    return real.rm(file, options);
  };
  return { ...real, rm };
});

const ended = spawnSync(process.execPath, ['-e', '']).pid;

test('what another user has left and may alone remove stays, and the rest goes', async () => {
  const folder = await temporaryFolder();
  const names = [temporaryName('out', ended), temporaryName('out', ended)];
  for (const name of names) await mkdir(path.join(folder, name));
  const first = (await readdir(folder))[0]!;
  hidden.folders.add(path.join(folder, first));
  await removeUnfinished(folder, 'out');
  expect(await readdir(folder)).toEqual([first]);
});

test('a process whose start is hidden counts as living', async () => {
  const folder = await temporaryFolder();
  const name = temporaryName('out', process.ppid);
  await mkdir(path.join(folder, name));
  hidden.pids.add(process.ppid);
  await removeUnfinished(folder, 'out');
  expect(await readdir(folder)).toEqual([name]);
});

test.runIf(process.platform === 'linux')('a process that has ended and still has its id does not', async () => {
  const folder = await temporaryFolder();
  // The shell becomes `sleep`, which never asks for the exit code of the shell's child.
  const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await vi.waitFor(async () => expect(await readFile(`/proc/${pid}/stat`, 'utf8')).toContain(') Z '));
    await mkdir(path.join(folder, temporaryName('out', pid).replace(/-[0-9a-f]{8}\./, '-00000000.')));
    await removeUnfinished(folder, 'out');
    expect(await readdir(folder)).toEqual([]);
  } finally {
    parent.kill('SIGKILL');
  }
});
