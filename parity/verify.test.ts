import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../src/model/index.js';
import { closedFormFactors, rescaledRope } from '../src/rope/index.js';
import { openEngine } from '../src/runtime/index.js';
import type { Verification } from '../src/workflow/verify.js';
import { longrope } from '../test/helpers/cli.js';
import { bookIds, Exchange, TINY } from './models.js';

/** Has node-llama-cpp, which verify looks for from the working directory upwards. */
const LLAMA_CPP = path.join(import.meta.dirname, 'llama-cpp');
const PYTHON = process.env['LONGROPE_PYTHON'] ?? path.resolve(import.meta.dirname, '../.venv/bin/python');

let exchange: Exchange;
beforeAll(async () => {
  exchange = await Exchange.open();
});
/** Relative difference of perplexity by exported file, largest of all texts: [file, engine, difference]. */
const table: [file: string, engine: string, difference: number][] = [];
afterAll(async () => {
  await exchange?.remove();
  const rows = table.map(([file, engine, difference]) =>
    [file.padEnd(24), engine.padEnd(14), difference.toExponential(1)].join(' '),
  );
  console.log([`${'exported file'.padEnd(24)} ${'engine'.padEnd(14)} perplexity, relative`, ...rows].join('\n'));
});
const PERPLEXITY_TOLERANCE = 1e-3;

function record(file: string, engine: string, differences: readonly number[], tolerance = PERPLEXITY_TOLERANCE): void {
  const largest = Math.max(...differences.map(Math.abs));
  table.push([file, engine, largest]);
  expect(largest, `${file} in ${engine}`).toBeLessThan(tolerance);
}

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

const perplexities = (runs: Verification['runs']) =>
  runs.map(({ perplexity, expectedPerplexity }) => perplexity / expectedPerplexity - 1);
const whole = ({ runs }: Verification) => runs.filter(({ informative }) => !informative);

describe('verify runs llama.cpp on export gguf', () => {
  // With Q8_0 and BF16 weights what is multiplied is rounded there and not here: the file is the same, the arithmetic is not.
  it.each([
    ['F32', 2e-4, 1e-5],
    ['F16', 2e-2, 1e-3],
    ['BF16', 0.1, 5e-3],
    ['Q8_0', 0.3, 0.02],
    ['Q4_0', 0.3, 0.02],
    ['Q4_1', 0.3, 0.02],
  ] as const)('%s', async (type, logits, perplexity) => {
    const file = path.join(exchange.folder, `${type}.gguf`);
    await longrope(['export', 'gguf', TINY.path, '--rope', 'yarn:2@1.05', '--type', type, '--out', file]);
    const { code, result } = await verify(file, '--rope', 'yarn:2@1.05', '--engine', 'llama.cpp');
    expect(code).toBe(0);
    for (const run of result.runs) {
      expect(run.largestLogitDifference).toBeLessThan(logits);
      expect(Math.abs(run.perplexity / run.expectedPerplexity - 1)).toBeLessThan(perplexity);
    }
    expect(new Set(result.runs.map(({ table: chosen }) => chosen))).toEqual(new Set(['short', 'long']));
    record(`export gguf, ${type}`, 'llama.cpp', perplexities(result.runs), perplexity);
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
  it.each(['float32', 'float16'])(
    '%s: whole passes agree; steps below the original length are told apart',
    async (dtype) => {
      const folder = path.join(exchange.folder, `hf-${dtype}`);
      await longrope(['export', 'hf', TINY.path, '--rope', 'yarn:2@1.05', '--dtype', dtype, '--out', folder]);
      const { code, result } = await verify(folder, '--engine', 'transformers', '--python', PYTHON);
      expect(code).toBe(0);
      for (const run of whole(result)) expect(run.largestLogitDifference).toBeLessThan(2e-4);
      record(`export hf, ${dtype}`, 'transformers', perplexities(whole(result)));
      const steps = result.runs.filter(({ informative }) => informative);
      expect(steps.map(({ length, same }) => [length, same])).toEqual([
        [257, false],
        [512, false],
      ]);
    },
  );
});

/** Next-token logits of the exported graph for one text, cache empty, by ONNX Runtime alone. */
async function onnxLogits(file: string, ids: Int32Array): Promise<Float32Array> {
  const session = await InferenceSession.create(file);
  const int64 = (values: readonly number[]) =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  const feeds: Record<string, Tensor> = {
    input_ids: int64([...ids]),
    attention_mask: int64(Array(ids.length).fill(1)),
  };
  for (const { name, isTensor, ...value } of session.inputMetadata)
    if (isTensor && name.startsWith('past_key_values')) {
      const [, heads, , size] = (value as { shape: readonly (number | string)[] }).shape.map(Number);
      feeds[name] = new Tensor('float32', new Float32Array(), [1, heads!, 0, size!]);
    }
  const { logits } = await session.run(feeds);
  await session.release();
  return logits!.data as Float32Array;
}

/** exp of the mean loss of every token but the first. */
function perplexityOf(logits: Float32Array, ids: Int32Array): number {
  const width = logits.length / ids.length;
  let total = 0;
  for (let row = 0; row < ids.length - 1; row++) {
    const scores = logits.subarray(row * width, (row + 1) * width);
    const largest = scores.reduce((a, b) => Math.max(a, b));
    total +=
      Math.log(scores.reduce((sum, score) => sum + Math.exp(score - largest), 0)) + largest - scores[ids[row + 1]!]!;
  }
  return Math.exp(total / (ids.length - 1));
}

describe('ONNX Runtime on export onnx', () => {
  it.each(['float32', 'float16'])('%s: the perplexity of our engine on the model itself', async (dtype) => {
    const folder = path.join(exchange.folder, `onnx-${dtype}`);
    await longrope(['export', 'onnx', TINY.path, '--rope', 'yarn:2@1.05', '--dtype', dtype, '--out', folder]);
    const file = path.join(folder, 'onnx', dtype === 'float32' ? 'model.onnx' : 'model_fp16.onnx');
    const model = await loadModel(TINY.path);
    const { geometry, originalLength } = model.spec.rope;
    const engine = await openEngine(model, { workers: 1, maxLength: 512 });
    const differences: number[] = [];
    for (const length of [originalLength - 1, originalLength, originalLength + 1, 512]) {
      const ids = Int32Array.of(1, ...(await bookIds(TINY, length - 1)));
      const form = length > originalLength ? 'yarn' : 'none';
      const factors = closedFormFactors(form, geometry, { ratio: 2, originalLength });
      const rope = rescaledRope(geometry, { factors, attentionFactor: 1.05, startTokens: 0 });
      const losses = await engine.tokenLosses({ ids, rope, scoreFrom: 1 });
      const ours = Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
      differences.push(perplexityOf(await onnxLogits(file, ids), ids) / ours - 1);
    }
    await engine.close();
    record(`export onnx, ${dtype}`, 'onnxruntime', differences);
  });
});
