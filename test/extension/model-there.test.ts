import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { holdsModel } from '../../src/workflow/extend-files.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

test('a folder holds a model where every shard that its index names is there', async () => {
  const folder = path.join(await temporaryFolder(), 'model');
  await mkdir(folder);
  const shard = (name: string) => path.join(folder, name);
  const index = { weight_map: { first: 'one.safetensors', second: 'two.safetensors' } };
  await writeFile(path.join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  expect(await holdsModel(folder)).toBe(false);
  await writeFile(shard('one.safetensors'), '');
  await writeFile(shard('two.safetensors'), '');
  expect(await holdsModel(folder)).toBe(true);
  await rm(shard('two.safetensors'));
  expect(await holdsModel(folder)).toBe(false);
});
