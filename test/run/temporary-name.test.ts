import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { removeUnfinished, temporaryName } from '../../src/run/temporary-name.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const ended = spawnSync(process.execPath, ['-e', '']).pid;

test.skipIf(process.getuid?.() === 0)('what may not be removed stays, and stops nobody', async () => {
  const folder = await temporaryFolder();
  const name = temporaryName('out', ended);
  await mkdir(path.join(folder, name));
  await chmod(folder, 0o555);
  await removeUnfinished(folder, 'out');
  expect(await readdir(folder)).toEqual([name]);
  await chmod(folder, 0o755);
});

test('what an ended process has left goes', async () => {
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, temporaryName('out', ended)));
  await removeUnfinished(folder, 'out');
  expect(await readdir(folder)).toEqual([]);
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
