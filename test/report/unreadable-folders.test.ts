import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { resultFiles } from '../../src/workflow/read-records.js';
import { readRopeSource } from '../../src/workflow/rope-source.js';
import { changeFileSystem, failure } from '../helpers/file-system.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

test('a folder that cannot be read is said to be so, and one below it is passed over', async () => {
  const folder = await temporaryFolder();
  const [closed, run] = [path.join(folder, 'closed'), path.join(folder, 'run')];
  for (const each of [closed, run]) await mkdir(each);
  await writeFile(path.join(run, 'result.json'), '{}');
  // Root may read everything.
  changeFileSystem(({ readdir }) => ({
    readdir: ((name: string) =>
      name === closed ? Promise.reject(failure('EACCES')) : readdir(name)) as typeof readdir,
  }));
  for (const action of [resultFiles(closed), readRopeSource(closed)])
    expect((await rejection(action)).message).toContain('found no permission');
  expect(await resultFiles(folder)).toEqual([{ path: path.join(run, 'result.json'), kind: 'evaluation' }]);
});
