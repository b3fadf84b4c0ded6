import { linkSync, utimesSync } from 'node:fs';
import { readdir, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { fingerprint } from '../../src/model/fingerprint.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** A file that takes several chunks to read, and what is done to it while it is read: `change` is called every millisecond. */
async function whileRead(change: (file: string, turn: number) => void) {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'weights');
  await writeFile(file, 'x');
  await truncate(file, 64 * 2 ** 20);
  let turn = 0;
  const timer = setInterval(() => change(file, turn++), 1);
  try {
    return { folder, result: await fingerprint(file, [], path.join(folder, 'cache')) };
  } finally {
    clearInterval(timer);
  }
}

it('a hard link made while a file is read does not disturb', async () => {
  const { folder, result } = await whileRead((file, turn) => {
    if (turn === 1) linkSync(file, `${file}-link`);
  });
  expect(await readdir(folder)).toContain('weights-link');
  expect(result.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(await fingerprint(path.join(folder, 'weights'), [], path.join(folder, 'other'))).toEqual(result);
});

it('a file that keeps changing is refused', async () => {
  const changing = whileRead((file) => utimesSync(file, new Date(), new Date()));
  await expect(changing).rejects.toThrow(/expected a file at rest, found changes while it was read/);
});
