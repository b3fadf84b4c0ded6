import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { loadModel, type Model } from '../src/model/index.js';
import { resolveRope } from '../src/rope/index.js';
import { openEngine } from '../src/runtime/index.js';
import { exportGguf } from '../src/workflow/export-gguf.js';
import { exportHf } from '../src/workflow/export-hf.js';
import { check, largestDifference } from './check.js';
import { bookIds, Exchange, SMOLLM2, TINY } from './models.js';
import { PythonReference } from './python.js';

let exchange: Exchange;
beforeAll(async () => {
  exchange = await Exchange.open();
});
afterAll(() => exchange?.remove());

const ropeAt = (model: Model, length: number) => {
  const { geometry, scaling } = model.spec.rope;
  return resolveRope(geometry, scaling, length);
};

/** SmolLM2 as GGUF -> export hf with a table at twice the context -> transformers, which chooses the list itself. */
describe('export hf of SmolLM2-135M, yarn:2', () => {
  it.each([512, 8448])('%i tokens: transformers on the folder, ours on the GGUF export', async (length) => {
    const out = path.join(exchange.folder, `hf-${length}`);
    const gguf = path.join(exchange.folder, `smol-${length}.gguf`);
    const common = { model: SMOLLM2.path, rope: 'yarn:2', force: false };
    await exportHf({
      ...common,
      out,
      weights: 'copy',
      maxShardBytes: 2e8,
      profile: 'redundant',
      engines: ['transformers'],
      factorSets: [],
    });
    await exportGguf({ ...common, out: gguf, type: null, tokenizer: true });
    const rows = Int32Array.from({ length: 64 }, (_, i) => length - 64 + i);
    const ids = await bookIds(SMOLLM2, length);
    const reference = new PythonReference('reference_logits.py', out);
    await reference.ask({
      ids: await exchange.writeIds('ids', ids),
      rows: [...rows],
      rope: null,
      output: path.join(exchange.folder, 'logits'),
    });
    reference.close();
    const theirs = await exchange.readFloats('logits');
    const model = await loadModel(gguf);
    const engine = await openEngine(model, { workers: 1, maxLength: length });
    const ours = await engine.logits({ ids, rope: ropeAt(model, length), rows }).finally(() => engine.close());
    check(`logits, SmolLM2-135M yarn:2, ${length} tokens`, largestDifference(ours, theirs), 2e-4);
  });
});

/**
 * llama-cpp-python compiles for minutes, so it is no pinned requirement: LLAMA_CPP_PYTHON names an interpreter that has it.
 * Without it these checks are skipped.
 */
const llamaPython = process.env['LLAMA_CPP_PYTHON'];
describe.skipIf(llamaPython === undefined)('export gguf of models/tiny, yarn:2@1.05, in llama.cpp', () => {
  describe.each(['F32', 'F16'] as const)('%s', (type) => {
    it.each([256, 512])('%i tokens', async (length) => {
      const out = path.join(exchange.folder, `tiny-${type}-${length}.gguf`);
      const options = { model: TINY.path, rope: 'yarn:2@1.05', force: false, tokenizer: true };
      await exportGguf({ ...options, out, type });
      const ids = Int32Array.of(1, ...(await bookIds(TINY, length - 1)));
      const file = await exchange.writeIds('ids', ids);
      const script = path.join(import.meta.dirname, 'reference_llama_cpp.py');
      // A context above the original length: llama.cpp takes the long factors for all lengths then.
      const answer = execFileSync(llamaPython!, [script, out, file, '512'], { encoding: 'utf8' });
      const { mean_loss: theirs } = JSON.parse(answer) as { mean_loss: number };
      const model = await loadModel(TINY.path);
      const exported = await loadModel(out);
      const engine = await openEngine(model, { workers: 1, maxLength: length });
      const losses = await engine
        .tokenLosses({ ids, rope: ropeAt(exported, 512), scoreFrom: 1 })
        .finally(() => engine.close());
      const ours = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      check(`perplexity (relative), ${type}, ${length} tokens`, Math.abs(Math.exp(theirs - ours) - 1), 1e-3);
    });
  });
});
