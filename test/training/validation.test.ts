import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evaluatePerplexity } from '../../src/evaluation/index.js';
import { loadModel } from '../../src/model/index.js';
import { openEngine } from '../../src/runtime/index.js';
import { type EvaluationEntry, isEvaluation } from '../../src/training/index.js';
import { LENGTHS, openSmallTraining } from './setup.js';

let folder: string;
let small: Awaited<ReturnType<typeof openSmallTraining>>;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'longrope-test-'));
  small = await openSmallTraining(folder);
});
afterAll(async () => {
  await small.close();
  await rm(folder, { recursive: true });
});

it('held-out perplexity is that of an evaluation of the same weights, and survives an interrupt', async () => {
  const out = path.join(folder, 'run');
  const measured: number[] = [];
  const { entries } = await small.run({ out, onMeasure: (step) => measured.push(step) });
  expect(measured).toEqual([0, 2, 4, 6]);
  const evaluations = entries.filter(isEvaluation);
  expect(evaluations.map(({ step, eval_length }) => [step, eval_length])).toEqual(
    [0, 2, 4, 6].flatMap((step) => LENGTHS.map((length) => [step, length])),
  );
  expect((await readdir(out)).filter((name) => name.startsWith('.'))).toEqual([]);

  const engine = await openEngine(await loadModel(path.join(out, 'checkpoint-6')), { maxLength: 30, workers: 1 });
  for (const [i, length] of LENGTHS.entries()) {
    const evaluation = { documents: small.heldOut, bosTokenId: 1, rope: small.rope, engine };
    const { perplexity, tokens } = await evaluatePerplexity({ ...evaluation, protocol: { name: 'document', length } });
    const last = evaluations.slice(-LENGTHS.length)[i] as EvaluationEntry;
    expect(Math.abs(last.eval_perplexity / perplexity - 1)).toBeLessThan(1e-5);
    expect(last.eval_tokens).toBe(tokens);
  }
  await engine.close();

  // Step 4 is done and logged, its measurement is not.
  const again = path.join(folder, 'interrupted');
  const controller = new AbortController();
  const interrupted = small.run({
    out: again,
    options: { signal: controller.signal },
    onMeasure: (step) => {
      if (step < 4) return;
      controller.abort(new Error('stop'));
      controller.signal.throwIfAborted();
    },
  });
  await expect(interrupted).rejects.toThrow('stop');
  const resumed: number[] = [];
  await small.run({ out: again, onMeasure: (step) => resumed.push(step) });
  expect(resumed).toEqual([4, 6]);
  const journal = (name: string) => readFile(path.join(name, 'journal.jsonl'), 'utf8');
  expect(await journal(again)).toBe(await journal(out));
  // A finished run has nothing left to measure.
  await small.run({ out: again, onMeasure: (step) => resumed.push(step) });
  expect(resumed).toEqual([4, 6]);
});
