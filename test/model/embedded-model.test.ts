import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { TINY } from '../helpers/tiny-model.js';

it('is the file whose size and sha256 its README gives', async () => {
  const readme = await readFile(path.join(TINY, 'README.md'), 'utf8');
  const [, bytes, sha256] = /^\| weights \| float16, ([\d,]+) bytes, sha256 ([\da-f]{64}) \|$/m.exec(readme) ?? [];
  const file = path.join(TINY, 'model.safetensors');
  expect((await stat(file)).size).toBe(Number(bytes?.replaceAll(',', '')));
  expect(
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
  ).toBe(sha256);
});
