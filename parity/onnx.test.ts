import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Model } from '../src/model/index.js';
import { rescaledRope } from '../src/rope/index.js';
import { closedFormFactors } from '../src/rope/closed-form.js';
import { type Engine, openEngine } from '../src/runtime/index.js';
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

async function compare(name: string, reference: Reference, length: number): Promise<void> {
  const ids = Int32Array.of(1, ...(await bookIds(TINY, length - 1)));
  const { tokens, logits, version } = await reference.ask<Answer>({ ids: [...ids], new_tokens: NEW_TOKENS });
  const ours = await engine.logits({ ids, rope: rope(length), rows: Int32Array.of(length - 1) });
  check(`logits, ${name} ${version}, ${length} tokens`, largestDifference(Float32Array.from(logits), ours), 2e-4);
  const [expected] = await engine.generate({
    prompts: [ids],
    stages: [{ maxLength: length + NEW_TOKENS, rope: rope(length) }],
    maxNewTokens: NEW_TOKENS,
    stopIds: model.eosTokenIds,
  });
  expect(tokens).toEqual([...(expected as Int32Array)]);
}

/** 200 and 300 stay on one side of the switch at 256; 256 and 257 are its two sides, for the prompt. */
const LENGTHS = [200, 300, 257];

describe.skipIf(genai === undefined).each(['float32', 'float16'])('onnxruntime-genai on export onnx, %s', (dtype) => {
  it.each(LENGTHS)('%i tokens', async (length) => {
    const reference = new Reference(genai as string, 'reference_genai.py', path.join(exchange.folder, dtype));
    await compare('onnxruntime-genai', reference, length).finally(() => reference.close());
  });
});

describe.skipIf(javascript === undefined).each([
  ['float32', 'fp32'],
  ['float16', 'fp16'],
])('transformers.js on export onnx, %s', (folder, dtype) => {
  it.each(LENGTHS)('%i tokens', async (length) => {
    const words = [javascript as string, path.join(exchange.folder, folder), dtype];
    const reference = new Reference(process.execPath, 'reference_transformers_js.mjs', ...words);
    await compare('transformers.js', reference, length).finally(() => reference.close());
  });
});
