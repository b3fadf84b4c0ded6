import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { checkVacantFolder, replaceFolder } from '../../src/run/index.js';
import { temporaryName } from '../../src/run/temporary-name.js';
import { failure } from '../helpers/file-system.js';
import { killedAfter } from '../helpers/killed-moves.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const FORCED = { force: true, outdated: () => false, last: 'config.json' };
const VACANT = { ...FORCED, force: false };

const fillWith =
  (...names: string[]) =>
  async (staging: string) => {
    for (const name of names) await writeFile(path.join(staging, name), `new ${name}`);
  };
const noSpace = async () => Promise.reject(failure('ENOSPC'));

async function earlier(...names: string[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const name of names) await writeFile(path.join(folder, name), 'before');
  return folder;
}

test('a config that was put aside is there again when the next writer fails too', async () => {
  const folder = await earlier('config.json', 'model.bin');
  await killedAfter(1, folder, () => replaceFolder(folder, FORCED, fillWith('config.json', 'model.bin')));
  expect(await readdir(folder)).not.toContain('config.json');
  await rejection(replaceFolder(folder, FORCED, noSpace));
  expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.bin']);
  expect(await readFile(path.join(folder, 'config.json'), 'utf8')).toBe('before');
});

test('it is not beside weights that are not its own', async () => {
  const folder = await earlier('config.json', 'model.bin');
  await killedAfter(2, folder, () => replaceFolder(folder, FORCED, fillWith('config.json', 'model.bin')));
  await rejection(replaceFolder(folder, FORCED, noSpace));
  expect(await readdir(folder)).toEqual(['model.bin']);
  expect(await readFile(path.join(folder, 'model.bin'), 'utf8')).toBe('new model.bin');
});

test('a folder that was empty is as good as empty when its writer was killed', async () => {
  const folder = await temporaryFolder();
  const write = () => replaceFolder(folder, VACANT, fillWith('config.json', 'first.bin', 'other.bin'));
  // The first rename finds nothing to put aside.
  await killedAfter(2, folder, write);
  expect((await readdir(folder)).length).toBe(2);
  await checkVacantFolder(folder);
  await replaceFolder(folder, VACANT, fillWith('config.json', 'second.bin'));
  expect((await readdir(folder)).sort()).toEqual(['config.json', 'second.bin']);
});

test.each(['of somebody else', 'that makes it whole'])('it is not with a file %s', async (kind) => {
  const folder = await temporaryFolder();
  const write = () => replaceFolder(folder, VACANT, fillWith('config.json', 'first.bin'));
  await killedAfter(2, folder, write);
  await writeFile(path.join(folder, kind === 'of somebody else' ? 'notes.txt' : 'config.json'), 'mine');
  const error = await rejection(replaceFolder(folder, VACANT, noSpace));
  expect(error.message).toContain('found 2 files or folders');
  await rejection(replaceFolder(folder, FORCED, noSpace));
  expect((await readdir(folder)).length).toBe(2);
});

test('it is not where it had contents before', async () => {
  const folder = await earlier('model.bin');
  await killedAfter(2, folder, () => replaceFolder(folder, FORCED, fillWith('config.json', 'model.bin')));
  const error = await rejection(replaceFolder(folder, VACANT, noSpace));
  expect(error.message).toContain('found 1 files or folders');
});

test('what was staged beside a folder that came to be meanwhile is removed too', async () => {
  const parent = await temporaryFolder();
  const folder = path.join(parent, 'exported');
  await mkdir(folder);
  await mkdir(path.join(parent, temporaryName(folder, spawnSync(process.execPath, ['-e', '']).pid)));
  await replaceFolder(folder, VACANT, fillWith('config.json'));
  expect(await readdir(parent)).toEqual(['exported']);
});
