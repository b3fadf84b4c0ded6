import { link, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { acquireLock } from '../../src/run/index.js';
import { changeFileSystem, failure } from '../helpers/file-system.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

test('a folder on a disk without links, such as exFAT, can be had, by one at a time', async () => {
  const folder = path.join(await temporaryFolder(), 'run');
  await mkdir(folder);
  changeFileSystem(() => ({ link: () => Promise.reject(failure('EPERM')) }));
  await expect(link(folder, `${folder}2`)).rejects.toThrow('EPERM');
  const lock = await acquireLock(folder);
  expect((await rejection(acquireLock(folder))).kind).toBe('busy');
  await lock.release();
  expect(await readdir(folder)).toEqual([]);
});
