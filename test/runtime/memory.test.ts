import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { TINY } from '../helpers/tiny-model.js';

const SCRIPT = path.join(import.meta.dirname, 'measure-memory.mjs');

async function peak(length: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, TINY, String(length)]);
  return Number(stdout);
}

it('peak memory grows linearly with the length: no T x T and no T x vocabulary buffer', async () => {
  const [short, middle, long] = [await peak(2048), await peak(5120), await peak(8192)];
  const first = (middle - short) / 3072;
  const second = (long - middle) / 3072;
  console.log(`bytes per token: ${Math.round(first)} up to 5k, ${Math.round(second)} up to 8k`);
  // A T x T buffer of one head alone would add 4 * 8,192 bytes per token, logits of all tokens 4 * 4,096.
  expect(second).toBeLessThan(2 * first + 4096);
  expect(second).toBeLessThan(30_000);
});
