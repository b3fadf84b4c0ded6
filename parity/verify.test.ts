import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Verification } from '../src/workflow/verify.js';
import { longrope } from '../test/helpers/cli.js';
import { Exchange, TINY } from './models.js';

/** Has node-llama-cpp, which verify looks for from the working directory upwards. */
const LLAMA_CPP = path.join(import.meta.dirname, 'llama-cpp');
const PYTHON = process.env['LONGROPE_PYTHON'] ?? path.resolve(import.meta.dirname, '../.venv/bin/python');

let exchange: Exchange;
beforeAll(async () => {
  exchange = await Exchange.open();
});
afterAll(() => exchange?.remove());

async function verify(...words: string[]): Promise<{ code: number; stderr: string; result: Verification }> {
  const { code, stdout, stderr } = await longrope(['verify', ...words, '--json'], { cwd: LLAMA_CPP });
  expect(stdout, stderr).not.toBe('');
  const result = JSON.parse(stdout) as Verification;
  for (const {
    engine,
    length,
    context,
    chunk,
    table,
    largestLogitDifference,
    perplexity,
    expectedPerplexity,
  } of result.runs)
    console.log(
      `  ${engine}, ${length} tokens${context === null ? '' : ` in a context of ${context}`}, ${chunk === null ? 'at once' : `${chunk} at a time`}, ${table}: logits ${largestLogitDifference.toExponential(1)}, perplexity ${(perplexity / expectedPerplexity - 1).toExponential(1)}`,
    );
  return { code, stderr, result };
}

const whole = ({ runs }: Verification) => runs.filter(({ informative }) => !informative);

describe('verify runs llama.cpp on export gguf', () => {
  // Q8_0 weights are multiplied in 8 bits there and in float32 here: the file is the same, the arithmetic is not.
  it.each([
    ['F32', 2e-4, 1e-5],
    ['F16', 2e-2, 1e-3],
  ] as const)('%s', async (type, logits, perplexity) => {
    const file = path.join(exchange.folder, `${type}.gguf`);
    await longrope(['export', 'gguf', TINY.path, '--rope', 'yarn:2@1.05', '--type', type, '--out', file]);
    const { code, result } = await verify(file, '--rope', 'yarn:2@1.05', '--engine', 'llama.cpp');
    expect(code).toBe(0);
    expect(result.runs.map(({ table }) => table)).toContain('short');
    for (const run of result.runs) {
      expect(run.largestLogitDifference).toBeLessThan(logits);
      expect(Math.abs(run.perplexity / run.expectedPerplexity - 1)).toBeLessThan(perplexity);
    }
    expect(new Set(result.runs.map(({ table }) => table))).toEqual(new Set(['short', 'long']));
  });

  it('finds a file with other factors', async () => {
    const file = path.join(exchange.folder, 'other.gguf');
    await longrope(['export', 'gguf', TINY.path, '--rope', 'ntk:2', '--out', file]);
    const { code, stderr } = await verify(file, '--rope', 'yarn:2', '--length', '257');
    expect(code).toBe(7);
    expect(stderr).toContain('expected the factors of --rope yarn:2');
  });
});

describe('verify runs transformers on export hf', () => {
  it('whole passes agree; a prefill in steps below the original length is told apart', async () => {
    const folder = path.join(exchange.folder, 'hf');
    await longrope(['export', 'hf', TINY.path, '--rope', 'yarn:2@1.05', '--out', folder]);
    const { code, result } = await verify(folder, '--engine', 'transformers', '--python', PYTHON);
    expect(code).toBe(0);
    for (const run of whole(result)) expect(run.largestLogitDifference).toBeLessThan(2e-4);
    const steps = result.runs.filter(({ informative }) => informative);
    expect(steps.map(({ length, same }) => [length, same])).toEqual([
      [257, false],
      [512, false],
    ]);
  });
});
