import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecordOf } from '../../src/evaluation/index.js';
import { longrope } from '../helpers/cli.js';
import { NO_VULKAN, softwareVulkan } from '../helpers/software-vulkan.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

/** Largest relative difference of a perplexity between the devices; measured: see docs/devices.md. */
const TOLERANCE = 1e-5;

const vulkan = softwareVulkan();
if (vulkan === null) console.warn(NO_VULKAN);

async function json<Result>(words: readonly string[]): Promise<Result> {
  const { code, stdout, stderr } = await longrope([...words, '--json'], { env: vulkan ?? {} });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout) as Result;
}

async function book(): Promise<string> {
  const file = path.join(await temporaryFolder(), 'book.txt');
  const sentence = 'The whale rose once more, and the old captain stood at the bow with his lance in his hand. ';
  await writeFile(file, Array.from({ length: 60 }, (_, i) => `${i}. ${sentence}`).join('\n'));
  return file;
}

describe.skipIf(vulkan === null)('webgpu on a Vulkan driver in software', () => {
  it('gives the perplexity of the CPU, and says where it comes from', { timeout: 120_000 }, async () => {
    // Longer than the 31 tokens that this driver can be given at a time, so that its cache is used too.
    const words = ['evaluate', 'perplexity', TINY, await book(), '--length', '40', '--rope', 'linear:2'];
    const cpu = await json<RecordOf<'perplexity'>>(words);
    const gpu = await json<RecordOf<'perplexity'>>([...words, '--device', 'webgpu']);
    expect(gpu.engine).toBe(`${cpu.engine} on webgpu`);
    const [ours, theirs] = [gpu, cpu].map(({ results }) => results[0]?.perplexity as number) as [number, number];
    const difference = Math.abs(ours / theirs - 1);
    console.log(`relative difference of perplexity, webgpu against cpu: ${difference.toExponential(1)}`);
    expect(gpu.results).toHaveLength(1);
    expect(difference).toBeLessThan(TOLERANCE);
  });
});

it('without a driver webgpu is refused, and nothing runs on the CPU in its place', async () => {
  const env = { VK_ICD_FILENAMES: '/none.json', VK_DRIVER_FILES: '/none.json', LD_LIBRARY_PATH: '' };
  const words = ['evaluate', 'perplexity', TINY, await book(), '--length', '256', '--device', 'webgpu'];
  const { code, stdout, stderr } = await longrope(words, { env });
  expect(stderr).toMatch(
    /^error: --device webgpu: expected a GPU with a Vulkan driver .* found Failed to get a WebGPU adapter.*; use --device cpu\n$/m,
  );
  // Lines before it are the GPU library's own, which writes to the terminal itself.
  expect(stdout).toBe('');
  expect(code).toBe(6);
});
