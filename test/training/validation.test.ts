import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { evaluatePerplexity } from '../../src/evaluation/index.js';
import { loadModel } from '../../src/model/index.js';
import { openEngine, readWeights } from '../../src/runtime/index.js';
import { checkpointSteps, removeCheckpoint } from '../../src/training/checkpoint.js';
import { type EvaluationEntry, isEvaluation, validate } from '../../src/training/index.js';
import { rejection } from '../helpers/rejection.js';
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

it('a folder that cannot be written is told, before and after training', async () => {
  const file = path.join(folder, 'file');
  await writeFile(file, '');
  const weights = await readWeights(small.model);
  const options = { lengths: LENGTHS, rope: () => small.rope, threads: 1, folder: file, bosTokenId: 1 };
  const error = await rejection(validate(weights, 0, { ...options, spec: small.model.spec, documents: small.heldOut }));
  expect(error.message).toMatch(/file\/\.validation\..*expected a run folder that can be written, found a file where/);
  expect((await rejection(checkpointSteps(file))).message).toContain('expected a run folder, found a file where');
  expect((await rejection(removeCheckpoint(file, 3))).message).toContain(
    'checkpoint-3: expected a checkpoint that can',
  );
});
