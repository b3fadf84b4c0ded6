import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadModel } from '../src/model/index.js';
import { resolveRope } from '../src/rope/index.js';
import { openEngine } from '../src/runtime/index.js';
import { FINETUNE_DEFAULTS } from '../src/training/defaults.js';
import { finetune } from '../src/workflow/finetune.js';
import { check, largestDifference } from './check.js';
import { bookIds, Exchange, SHARED, TINY } from './models.js';
import { PythonReference } from './python.js';

let exchange: Exchange;
beforeAll(async () => {
  exchange = await Exchange.open();
});
afterAll(() => exchange?.remove());

/** Short factors up to 256 tokens, long ones above: transformers chooses by its own reading of the config. */
it('transformers loads what finetune writes and computes our logits on both sides of the switch', async () => {
  const out = path.join(exchange.folder, 'run');
  const { folder } = await finetune({
    ...FINETUNE_DEFAULTS,
    model: TINY.path,
    texts: [path.join(SHARED, 'data/pg19/test/10321.txt')],
    heldOut: [],
    out,
    rope: 'yarn:2',
    threads: 2,
    command: 'parity',
    maxSteps: 4,
    maxSeqLength: 300,
    learningRate: 3e-3,
    lrSchedulerType: 'constant',
    optim: 'muon',
  });
  const model = await loadModel(folder);
  const engine = await openEngine(model, { workers: 1, maxLength: 400 });
  const untrained = await openEngine(await loadModel(TINY.path), { workers: 1, maxLength: 400 });
  const reference = new PythonReference('reference_logits.py', folder, '--threads', '1');
  try {
    for (const length of [200, 400]) {
      const ids = await bookIds(TINY, length);
      const rows = Int32Array.from({ length: 64 }, (_, i) => length - 64 + i);
      const rope = resolveRope(model.spec.rope.geometry, model.spec.rope.scaling, length);
      await reference.ask({
        ids: await exchange.writeIds('ids', ids),
        rows: [...rows],
        rope: null,
        output: path.join(exchange.folder, 'logits'),
      });
      const theirs = await exchange.readFloats('logits');
      const ours = await engine.logits({ ids, rope, rows });
      check(`logits of a fine-tuned model, ${length} tokens`, largestDifference(ours, theirs), 2e-4);
      expect(largestDifference(await untrained.logits({ ids, rope, rows }), theirs)).toBeGreaterThan(0.1);
    }
  } finally {
    reference.close();
    await engine.close();
    await untrained.close();
  }
});
