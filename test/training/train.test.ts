import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../src/model/index.js';
import { readWeights } from '../../src/runtime/index.js';
import { type WeightUpdater, writeCheckpoint } from '../../src/training/index.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { openSmallTraining } from './setup.js';

let folder: string;
let small: Awaited<ReturnType<typeof openSmallTraining>>;
let undisturbed: Awaited<ReturnType<typeof small.run>>;
let journal: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'longrope-test-'));
  small = await openSmallTraining(folder);
  undisturbed = await small.run({ out: path.join(folder, 'undisturbed') });
  journal = await readFile(path.join(folder, 'undisturbed/journal.jsonl'));
});
afterAll(async () => {
  await small.close();
  await rm(folder, { recursive: true });
});

const checkpoints = async (out: string) => (await readdir(out)).filter((name) => name.startsWith('checkpoint')).sort();

describe('a training run', () => {
  it('logs, lowers the loss, and leaves one checkpoint, which is a model', async () => {
    const { entries, weights } = undisturbed;
    expect(entries.map(({ step }) => step)).toEqual([2, 4, 6]);
    const losses = entries.map((entry) => ('loss' in entry ? entry.loss : Number.NaN));
    expect(losses[2]).toBeLessThan(losses[0]!);
    const out = path.join(folder, 'undisturbed');
    expect(await checkpoints(out)).toEqual(['checkpoint-6']);
    const saved = await readWeights(await loadModel(path.join(out, 'checkpoint-6')));
    expect(saved).toEqual(weights);
    expect(saved).not.toEqual(await readWeights(small.model));
  });

  it.each([1, 4])('that is stopped after step %i goes on to the same bits', async (step) => {
    const out = path.join(await temporaryFolder(), 'run');
    const controller = new AbortController();
    const stopped = small.run({
      out,
      options: {
        signal: controller.signal,
        onStep: (progress) => {
          if (progress.step === step) controller.abort(new Error('stop'));
        },
      },
    });
    await expect(stopped).rejects.toThrow('stop');
    expect(await checkpoints(out)).toContain(`checkpoint-${step}`);
    const { weights } = await small.run({ out });
    expect(weights).toEqual(undisturbed.weights);
    expect(await readFile(path.join(out, 'journal.jsonl'))).toEqual(journal);
  });

  it('that is cut off without a word goes on from its last checkpoint, over lines that are written already', async () => {
    const [out, copy] = [path.join(await temporaryFolder(), 'run'), path.join(await temporaryFolder(), 'copy')];
    // What lies on the disk at a moment: a checkpoint of step 2, lines up to step 4, half a checkpoint.
    await small.run({
      out,
      options: {
        saveSteps: 3,
        onStep: ({ step }) => {
          if (step === 5) copying.push(cp(out, copy, { recursive: true, filter: (name) => !name.includes('lock') }));
        },
      },
    });
    await Promise.all(copying);
    await mkdir(path.join(copy, '.checkpoint-6.0123456789ab.tmp'), { recursive: true });
    await writeFile(path.join(copy, '.checkpoint-6.0123456789ab.tmp/model.safetensors'), 'half');
    await rm(path.join(copy, 'checkpoint-6'), { recursive: true, force: true });
    expect(await checkpoints(copy)).toEqual(['checkpoint-3']);
    const { weights } = await small.run({ out: copy, options: { saveSteps: 3 } });
    expect(weights).toEqual(undisturbed.weights);
    expect(await readFile(path.join(copy, 'journal.jsonl'))).toEqual(journal);
    expect((await readdir(copy)).filter((name) => name.startsWith('.'))).toEqual([]);
  });
  const copying: Promise<void>[] = [];

  it('that computes other numbers than its log has is stopped', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    await cp(path.join(folder, 'undisturbed'), out, { recursive: true });
    await rm(path.join(out, 'checkpoint-6'), { recursive: true });
    const error = await rejection(small.run({ out, schedule: { learningRate: 2e-2 } }));
    expect(error.message).toContain('was computed again');
    expect(error.message).toContain('journal.jsonl, line 1');
  });
});

it('a checkpoint of an interruption takes the place of none that an undisturbed run keeps', async () => {
  const out = path.join(await temporaryFolder(), 'run');
  const controller = new AbortController();
  const options = { saveSteps: 2, saveTotalLimit: 2 };
  const onStep = ({ step }: { readonly step: number }) => {
    if (step === 5) controller.abort(new Error('stop'));
  };
  const stopped = small.run({ out, options: { ...options, signal: controller.signal, onStep } });
  await expect(stopped).rejects.toThrow('stop');
  expect(await checkpoints(out)).toContain('checkpoint-5');
  await small.run({ out, options });
  expect(await checkpoints(out)).toEqual(['checkpoint-4', 'checkpoint-6']);
});

it('a run whose checkpoints would not fit beside each other is refused before its first step', async () => {
  const out = path.join(await temporaryFolder(), 'run');
  const steps: number[] = [];
  const refused = small.run({
    out,
    schedule: { maxSteps: 1e12 },
    options: { saveSteps: 1, saveTotalLimit: 1e11, onStep: ({ step }) => steps.push(step) },
  });
  const error = await rejection(refused);
  expect(error.kind).toBe('resource');
  expect(error.message).toContain('GB for 100000000001 checkpoints at a time and the model');
  expect(steps).toEqual([]);
});

describe('a loss that is not finite', () => {
  it.each([0, 3])('of held-out texts after step %i stops too', async (wrong) => {
    const out = path.join(await temporaryFolder(), 'run');
    const validate = async (step: number) => {
      const loss = step === wrong ? Number.NaN : 1;
      return [{ step, eval_length: 4, eval_loss: loss, eval_perplexity: Math.exp(loss), eval_tokens: 4 }];
    };
    const validation = { evalSteps: 3, lengths: [4], validate };
    const error = await rejection(small.run({ out, options: { validation, saveSteps: 1, saveTotalLimit: 2 } }));
    expect(error.message).toMatch(
      new RegExp(`^validation after ${wrong} steps, at 4 tokens: expected a finite loss .*, found a loss of NaN`),
    );
    expect(error.message).toContain(wrong === 0 ? 'use others' : path.join(out, 'checkpoint-2'));
  });

  it('stops with step and document, and leaves the last weights that gave a finite one', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    // The first step of the warm-up changes nothing, the second everything.
    const error = await rejection(
      small.run({ out, schedule: { learningRate: 1e30 }, options: { saveSteps: 1, maxGradNorm: null } }),
    );
    expect(error.kind).toBe('input');
    expect(error.message).toMatch(/step 3, doc\d.*expected a finite loss and gradient, found a (loss|gradient)/);
    expect(error.message).toContain(path.join(out, 'checkpoint-1'));
    expect(await checkpoints(out)).toContain('checkpoint-1');
    const saved = await readWeights(await loadModel(path.join(out, 'checkpoint-1')));
    expect(saved).toEqual(await readWeights(small.model));
  });

  it('after the last step too, where nothing is held out', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const diverging = {
      out,
      schedule: { learningRate: 1e30, maxSteps: 2 },
      options: { saveSteps: 1, maxGradNorm: null },
    };
    const error = await rejection(small.run(diverging));
    expect(error.message).toMatch(/^after step 2, doc\d.*expected a finite loss and gradient, found a (loss|gradient)/);
    expect(error.message).toContain(path.join(out, 'checkpoint-1'));
    expect(await checkpoints(out)).toEqual(['checkpoint-1', 'checkpoint-2']);
    // Asked again, it is no better.
    expect((await rejection(small.run(diverging))).message).toBe(error.message);
  });

  it.each([2, 6])('and weights that are not when they are saved, after step %i', async (wrong) => {
    const out = path.join(await temporaryFolder(), 'run');
    const updater = (_: unknown, weights: ReadonlyMap<string, Float32Array>): WeightUpdater => ({
      state: new Map(),
      gradients: async (gradients) => gradients,
      update: async (_weights, _gradients, { step }) => {
        if (step + 1 === wrong) weights.get('model.norm.weight')![3] = Number.NaN;
      },
    });
    const error = await rejection(small.run({ out, updater }));
    expect(error.message).toMatch(
      new RegExp(`^after step ${wrong}: expected a finite loss .*, found model.norm.weight with NaN or infinity`),
    );
  });

  it('names the one sequence of a batch that gave it', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const gradients: typeof small.gradients.lossAndGradient = async (sequences, weights) => {
      const result = await small.gradients.lossAndGradient(sequences, weights);
      const spoiled = sequences.map((sequence, i) =>
        (sequence as { document?: string }).document === 'doc2'
          ? { ...result.sequences[i]!, loss: Number.POSITIVE_INFINITY }
          : result.sequences[i]!,
      );
      return { ...result, sequences: spoiled };
    };
    const error = await rejection(small.run({ out, options: { gradients: { lossAndGradient: gradients } } }));
    expect(error.message).toMatch(/^step \d, doc2: /);
  });
});

describe('a checkpoint', () => {
  it('of another run, another model or another optimiser is refused with everything that is wrong', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const other = await openSmallTraining(await temporaryFolder(), { intermediate_size: 40 });
    await other.run({ out });
    await other.close();
    const state = path.join(out, 'checkpoint-6/trainer_state.json');
    await writeFile(state, (await readFile(state, 'utf8')).replace('"small"', '"large"'));
    const error = await rejection(small.run({ out }));
    expect(error.message).toContain('expected a checkpoint of this run, found one of another');
    expect(error.message).toContain('mlp.gate_proj.weight: expected 1536 values, found 1280 values');
    expect(error.message).toContain('exp_avg_sq.model.layers.1.mlp.down_proj.weight: expected 1536 values');
    await writeFile(state, '{"format": "longrope-checkpoint/1", "run": "small", "step": -1}');
    const damaged = await rejection(small.run({ out }));
    expect(damaged.message).toContain('step: expected a whole number, found -1');
    expect(damaged.message).toContain('tokens: expected a whole number, found nothing');
  });

  it.each(['phi3', 'qwen2', 'olmo2'] as const)('of a %s model is one that can be loaded', async (architecture) => {
    const out = await temporaryFolder();
    const source = await temporaryFolder();
    await writeTinyCheckpoint(source, { config: tinyConfig(architecture) });
    const model = await loadModel(source);
    const weights = await readWeights(model);
    const state = { run: 'x', step: 1, tokens: 0, sinceLog: { loss: 0, tokens: 0 } };
    const config = JSON.stringify(model.config);
    await writeCheckpoint(out, { spec: model.spec, weights, optimizer: new Map(), state, config });
    expect(await readWeights(await loadModel(path.join(out, 'checkpoint-1')))).toEqual(weights);
  });
});
