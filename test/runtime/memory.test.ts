import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it, vi } from 'vitest';
import { openEngine } from '../../src/runtime/index.js';
import { bytesPerCachedToken } from '../../src/runtime/key-value-cache.js';
import { availableMemory, evaluationMemory } from '../../src/runtime/memory.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { loadTiny, TINY } from '../helpers/tiny-model.js';

const SCRIPT = path.join(import.meta.dirname, 'measure-memory.mjs');

async function peak(length: number, run: 'plain' | 'cached' | 'gradient' = 'plain', model = TINY): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', SCRIPT, model, String(length), run]);
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

it('a decoder with a cache keeps keys, values and hidden states of a token: nothing as long as the past per new token', async () => {
  const { spec } = await loadTiny();
  const [short, long] = [await peak(4096, 'cached'), await peak(8192, 'cached')];
  const perToken = (long - short) / 4096;
  const kept = bytesPerCachedToken(spec) + 4 * spec.hiddenSize;
  console.log(`bytes per token with a cache: ${Math.round(perToken)}, of which kept: ${kept}`);
  // Copies of earlier pieces wait for the garbage collector; scores of one piece for one head would be 8,192 bytes per token.
  expect(perToken).toBeLessThan(25_000);
});

it('peak memory of a gradient grows linearly with the length as well', async () => {
  const [short, long] = [await peak(1024, 'gradient'), await peak(4096, 'gradient')];
  const perToken = (long - short) / 3072;
  console.log(`bytes per token of a gradient: ${Math.round(perToken)}`);
  // Measured: 49 kB, give or take what the garbage collector has not taken yet. Scores of all pairs of tokens would add 82 kB for
  // every copy of them that is alive, and a gradient has several.
  expect(perToken).toBeLessThan(80_000);
});

it('a cap on scores holds those of one piece, not of all pairs of tokens', async () => {
  const folder = await temporaryFolder();
  await writeTinyCheckpoint(folder, { config: tinyConfig('gemma2') });
  const [short, long] = [await peak(2048, 'plain', folder), await peak(4096, 'plain', folder)];
  const perToken = (long - short) / 2048;
  console.log(`bytes per token with capped scores: ${Math.round(perToken)}`);
  // 4 heads x 256 tokens x 4 bytes for the scores of a piece; all of them at once would add 98,304 per token.
  expect(perToken).toBeLessThan(25_000);
});

it('the limit of a container counts where it is below what the machine has', () => {
  const limit = vi.spyOn(process, 'constrainedMemory');
  // What Node says where there is none.
  limit.mockReturnValue(2 ** 64);
  const machine = availableMemory();
  limit.mockReturnValue(process.memoryUsage.rss() + 2 ** 27);
  const container = availableMemory();
  limit.mockRestore();
  expect(machine).toBeGreaterThan(2 ** 28);
  expect(Math.abs(container - 2 ** 27)).toBeLessThan(2 ** 26);
});

it('counts a head that is the embedding once more where halves are cast', async () => {
  const { spec } = await loadTiny();
  const weights = (dtype: 'F16' | 'F32') => [{ dtype, shape: [8], byteLength: dtype === 'F16' ? 16 : 32 }];
  const head = 4 * spec.vocabularySize * spec.hiddenSize;
  const more = (tiedEmbeddings: boolean, dtype: 'F16' | 'F32') =>
    evaluationMemory({ ...spec, tiedEmbeddings }, weights(dtype), 64).perWorker;
  expect(more(true, 'F16') - more(false, 'F16')).toBe(head);
  expect(more(true, 'F32') - more(false, 'F32')).toBe(0);
});

it('an engine whose cache does not fit is refused before it is loaded', async () => {
  const error = await rejection(openEngine(await loadTiny(), { maxLength: 100, cacheTokens: 1e10 }));
  expect(error.message).toContain('100 tokens at a time, 10000000000 in a cache');
});
