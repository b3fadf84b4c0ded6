import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../src/corpus/index.js';
import { loadModel, type Model } from '../src/model/index.js';
import { closedFormFactors, rescaledRope } from '../src/rope/index.js';
import { type Engine, openEngine, type RopeStages } from '../src/runtime/index.js';
import { exportOnnx } from '../src/workflow/export-onnx.js';
import { check, largestDifference } from './check.js';
import { bookIds, Exchange, TINY } from './models.js';
import { Reference } from './python.js';

/**
 * Neither is a pinned requirement: ONNXRUNTIME_GENAI_PYTHON names an interpreter that has onnxruntime-genai, TRANSFORMERS_JS a folder
 * whose node_modules has @huggingface/transformers. Without them these checks are skipped.
 */
const genai = process.env['ONNXRUNTIME_GENAI_PYTHON'];
const javascript = process.env['TRANSFORMERS_JS'];

interface Answer {
  readonly version: string;
  readonly tokens: readonly number[];
  readonly logits: readonly number[];
  readonly text: string;
}

const ATTENTION_FACTOR = 1.05;
const NEW_TOKENS = 12;

let exchange: Exchange;
let model: Model;
let engine: Engine;
beforeAll(async () => {
  exchange = await Exchange.open();
  model = await loadModel(TINY.path);
  engine = await openEngine(model, { workers: 1, maxLength: 512 });
  for (const dtype of ['float32', 'float16'] as const)
    await exportOnnx({
      ...{ model: TINY.path, rope: `yarn:2@${ATTENTION_FACTOR}`, out: path.join(exchange.folder, dtype), dtype },
      ...{ logits: dtype === 'float32' ? 'all' : 'last', maxShardBytes: dtype === 'float32' ? 2e9 : 3e6 },
    });
});
afterAll(async () => {
  await engine?.close();
  await exchange?.remove();
});

/** The table of our engine for a length, independent of what the export wrote. */
function rope(length: number) {
  const { geometry, originalLength } = model.spec.rope;
  const factors = closedFormFactors(length > originalLength ? 'yarn' : 'none', geometry, { ratio: 2, originalLength });
  return rescaledRope(geometry, { factors, attentionFactor: ATTENTION_FACTOR, startTokens: 0 });
}

async function compare(name: string, reference: Reference, length: number, newTokens = NEW_TOKENS): Promise<void> {
  const ids = Int32Array.of(1, ...(await bookIds(TINY, length - 1)));
  const { tokens, logits, text, version } = await reference.ask<Answer>({ ids: [...ids], new_tokens: newTokens });
  const ours = await engine.logits({ ids, rope: rope(length), rows: Int32Array.of(length - 1) });
  check(`logits, ${name} ${version}, ${length} tokens`, largestDifference(Float32Array.from(logits), ours), 2e-4);
  expect(text.trim()).toBe((await openTokenizer(TINY.path)).decode(ids.subarray(1)).trim());
  const [expected] = await engine.generate({
    prompts: [ids],
    stages: [{ maxLength: length + newTokens, rope: rope(length) }],
    maxNewTokens: newTokens,
    stopIds: model.eosTokenIds,
  });
  expect(tokens).toEqual([...(expected as Int32Array)]);
}

/** The last two are the two sides of the switch; the one token after 256 is still the short table's. */
const CASES = [
  [200, NEW_TOKENS],
  [300, NEW_TOKENS],
  [256, 1],
  [257, NEW_TOKENS],
] as const;

describe.skipIf(genai === undefined).each(['float32', 'float16'])('onnxruntime-genai on export onnx, %s', (dtype) => {
  it.each(CASES)('%i tokens and %i new ones', async (length, newTokens) => {
    const reference = new Reference(genai as string, 'reference_genai.py', path.join(exchange.folder, dtype));
    await compare('onnxruntime-genai', reference, length, newTokens).finally(() => reference.close());
  });
});

describe.skipIf(javascript === undefined).each([
  ['float32', 'fp32'],
  ['float16', 'fp16'],
])('transformers.js on export onnx, %s', (folder, dtype) => {
  it.each(CASES)('%i tokens and %i new ones', async (length, newTokens) => {
    const words = [javascript as string, path.join(exchange.folder, folder), dtype];
    const reference = new Reference(process.execPath, 'reference_transformers_js.mjs', ...words);
    await compare('transformers.js', reference, length, newTokens).finally(() => reference.close());
  });
});

/** A model of 4,096 tokens gets the type of onnxruntime-genai that computes its cache anew at the switch. */
it.skipIf(genai === undefined)('onnxruntime-genai reads a sequence anew that grows past 4096 tokens', async () => {
  const folder = path.join(exchange.folder, 'pretended');
  await cp(TINY.path, folder, { recursive: true });
  const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')) as object;
  await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...config, max_position_embeddings: 4096 }));
  const out = path.join(exchange.folder, 'rereads');
  await exportOnnx({
    ...{ model: folder, rope: 'pi:8', out, dtype: 'float32', logits: 'last', maxShardBytes: 2e9 },
  });
  const ids = Int32Array.of(1, ...(await bookIds(TINY, 4089)));
  const reference = new Reference(genai as string, 'reference_genai.py', out);
  const { tokens } = await reference.ask<Answer>({ ids: [...ids], new_tokens: 16 }).finally(() => reference.close());
  const { geometry } = model.spec.rope;
  const rope = (factor: number) =>
    rescaledRope(geometry, {
      factors: Float64Array.from({ length: geometry.rotaryDim / 2 }, () => factor),
      attentionFactor: 1,
      startTokens: 0,
    });
  const long = await openEngine(model, { workers: 1, maxLength: 4200 });
  const generated = (stages: RopeStages) =>
    long.generate({ prompts: [ids], stages, maxNewTokens: 16, stopIds: model.eosTokenIds });
  const [expected] = await generated([
    { maxLength: 4096, rope: rope(1) },
    { maxLength: 4200, rope: rope(8) },
  ]);
  const [never] = await generated([{ maxLength: 4200, rope: rope(1) }]);
  await long.close();
  expect(tokens).toEqual([...(expected as Int32Array)]);
  // Else the comparison would say nothing about the switch.
  expect(tokens).not.toEqual([...(never as Int32Array)]);
});
