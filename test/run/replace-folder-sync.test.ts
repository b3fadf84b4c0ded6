import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { replaceFolder } from '../../src/run/index.js';
import { changeFileSystem } from '../helpers/file-system.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

test('every file of a new folder is on the disk before the folder has its name, those of folders in it too', async () => {
  const target = path.join(await temporaryFolder(), 'exported');
  const files = ['config.json', 'onnx/model.onnx', 'onnx/deeper/data'];
  const synced: string[] = [];
  changeFileSystem(({ open }) => ({
    open: async (name, ...rest) => {
      const handle = await open(name, ...rest);
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        synced.push(String(name));
        await sync();
      };
      return handle;
    },
  }));
  let staging = '';
  await replaceFolder(target, { force: false, outdated: () => false, last: 'config.json' }, async (folder) => {
    staging = folder;
    await mkdir(path.join(folder, 'onnx/deeper'), { recursive: true });
    for (const name of files) await writeFile(path.join(folder, name), name);
  });
  const inside = synced.filter((name) => name.startsWith(staging)).map((name) => path.relative(staging, name));
  expect(inside.sort()).toEqual(['', ...files, 'onnx', 'onnx/deeper'].sort());
});
