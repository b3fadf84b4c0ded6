import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { UserError } from '../../src/errors.js';
import { fileError, replaceFolder } from '../../src/run/index.js';
import { temporaryName } from '../../src/run/temporary-name.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const OPTIONS = { force: true, outdated: (name: string) => name.startsWith('old'), last: 'config.json' };
const VACANT = { ...OPTIONS, force: false };

/** What `fill` is called with by a test that needs no more. */
const fillWith =
  (...names: string[]) =>
  async (staging: string) => {
    for (const name of names) await writeFile(path.join(staging, name), `new ${name}`);
  };

describe('a folder that is replaced', () => {
  test('is staged in where it exists, since it may be a mount point, and beside it where it does not', async () => {
    const parent = await temporaryFolder();
    const [there, missing] = [path.join(parent, 'there'), path.join(parent, 'below/missing')];
    await mkdir(there);
    const before = await stat(there);
    const places: string[] = [];
    for (const folder of [there, missing])
      await replaceFolder(folder, VACANT, async (staging) => {
        places.push(path.dirname(staging));
        await fillWith('config.json', 'model.bin')(staging);
      });
    expect(places).toEqual([there, path.dirname(missing)]);
    expect((await stat(there)).ino).toBe(before.ino);
    for (const folder of [there, missing]) expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.bin']);
    expect((await readdir(parent)).sort()).toEqual(['below', 'there']);
  });

  test('loses what is outdated, and keeps the rest', async () => {
    const folder = await temporaryFolder();
    for (const name of ['old.bin', 'notes.txt', 'config.json']) await writeFile(path.join(folder, name), 'before');
    await replaceFolder(folder, OPTIONS, fillWith('config.json', 'model.bin'));
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.bin', 'notes.txt']);
    expect(await readFile(path.join(folder, 'config.json'), 'utf8')).toBe('new config.json');
  });

  test('loses nothing where no file can be moved into it', async () => {
    const folder = await temporaryFolder();
    for (const name of ['old.bin', 'config.json']) await writeFile(path.join(folder, name), 'before');
    await mkdir(path.join(folder, 'model.bin/in the way'), { recursive: true });
    await rejection(replaceFolder(folder, OPTIONS, fillWith('config.json', 'model.bin')));
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.bin', 'old.bin']);
    expect(await readFile(path.join(folder, 'config.json'), 'utf8')).toBe('before');
  });

  test('is refused to the slower of two, also where there was none at first', async () => {
    const parent = await temporaryFolder();
    const folders = [path.join(parent, 'there'), path.join(parent, 'missing')];
    await mkdir(folders[0]!);
    for (const folder of folders) {
      const error = await rejection(
        replaceFolder(folder, VACANT, async (staging) => {
          await replaceFolder(folder, VACANT, fillWith('config.json', 'first.bin'));
          await fillWith('config.json', 'second.bin')(staging);
        }),
      );
      expect(error.message).toContain('found 2 files or folders');
      expect((await readdir(folder)).sort()).toEqual(['config.json', 'first.bin']);
    }
    expect((await readdir(parent)).sort()).toEqual(['missing', 'there']);
  });
});

describe('what writers have left that were killed', () => {
  test.each(['there', 'missing'])('is removed by the next one, but not that of a living one: %s', async (place) => {
    const parent = await temporaryFolder();
    const target = path.join(parent, place);
    const where = place === 'there' ? target : parent;
    await mkdir(where, { recursive: true });
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    const [dead, living, own] = [ended, process.ppid, process.pid].map((pid) => temporaryName(target, pid)) as [
      string,
      string,
      string,
    ];
    // An earlier process of this id began at another time.
    const earlier = own.replace(`-${process.pid}-`, `-${process.pid}-0000`).replace(/(-0000.{4}).{4}/, '$1');
    const elsewhere = dead.replace(/[0-9a-f]{8}-/, '00000000-');
    for (const name of [dead, living, own, earlier, elsewhere]) {
      await mkdir(path.join(where, name));
      await writeFile(path.join(where, name, 'model.bin'), 'half of all weights');
    }
    await replaceFolder(target, VACANT, fillWith('config.json'));
    const left = (await readdir(where)).filter((name) => name.endsWith('.tmp'));
    expect(left.sort()).toEqual([living, own, elsewhere].sort());
  });
});

test.each([
  ['EBUSY', 'resource'],
  ['EXDEV', 'resource'],
  ['ENOTEMPTY', 'input'],
])('%s is said in words', (code, kind) => {
  const error = fileError('out', 'a folder', Object.assign(new Error(code), { code })) as UserError;
  expect(error.kind).toBe(kind);
});
