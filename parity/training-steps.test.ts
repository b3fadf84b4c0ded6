import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoderTensors, loadModel, type Model } from '../src/model/index.js';
import { resolveRope } from '../src/rope/index.js';
import { openRunDirectory } from '../src/run/index.js';
import { GradientEngine, LowRank, Orthogonalizer, readWeights, type Weights } from '../src/runtime/index.js';
import {
  Batches,
  isEvaluation,
  LoraOptimizer,
  Optimizer,
  packRows,
  type TrainingEntry,
  train,
  type WeightUpdater,
} from '../src/training/index.js';
import { check, largestDifference } from './check.js';
import { bookIds, Exchange, TINY } from './models.js';
import { PythonReference } from './python.js';

const runName = (optim: string, lora: object | null) => (lora === null ? optim : `${optim} with lora`);

const STEPS = 50;
const [BATCHES, ROWS, TOKENS] = [2, 2, 64];
const SETTINGS = { learningRate: 1e-3, weightDecay: 0.1, warmupSteps: 5, beta1: 0.9, beta2: 0.95, epsilon: 1e-8 };
const TOLERANCE = 1e-3;

/** Updates in attention and MLP, norms whole. */
const LORA = { r: 8, loraAlpha: 32, targetModules: ['q_proj', 'v_proj', 'down_proj'], modulesToSave: ['norm'] };

/** `bfloat16`: torch's Muon as it is, which iterates in it; else the same code in float32, as ours. */
const CASES = [
  { optim: 'adamw', bfloat16: false, lora: null },
  { optim: 'adamw', bfloat16: false, lora: LORA },
  { optim: 'muon', bfloat16: false, lora: null },
  { optim: 'muon', bfloat16: true, lora: null },
] as const;

describe(`${STEPS} training steps of ${TINY.name} on ${BATCHES} x ${ROWS} x ${TOKENS} tokens against torch.optim`, () => {
  let exchange: Exchange;
  let reference: PythonReference;
  let model: Model;
  let batches: Batches;
  let gradients: GradientEngine;
  let orthogonalizer: Orthogonalizer;
  let products: LowRank;
  const runs = new Map<string, ReturnType<typeof ours>>();

  beforeAll(async () => {
    exchange = await Exchange.open();
    reference = new PythonReference('reference_training.py', TINY.path);
    model = await loadModel(TINY.path);
    const ids = await bookIds(TINY, STEPS * BATCHES * ROWS * TOKENS);
    const rows = packRows([{ id: 'book', ids }], { rowTokens: TOKENS, bos: null, eos: null });
    const { geometry, scaling } = model.spec.rope;
    const rope = resolveRope(geometry, scaling, TOKENS);
    batches = new Batches([{ share: 1, rows }], {
      seed: 1,
      rowsPerBatch: ROWS,
      batchesPerStep: BATCHES,
      rope: () => rope,
      skipping: null,
    });
    gradients = await GradientEngine.create({
      spec: model.spec,
      threads: 2,
      wanted: { weights: 'all', tables: false },
    });
    orthogonalizer = await Orthogonalizer.create(2);
    products = await LowRank.create({ scale: LORA.loraAlpha / LORA.r, threads: 2 });
  });
  afterAll(async () => {
    reference?.close();
    await gradients?.close();
    await orthogonalizer?.close();
    await products?.close();
    await exchange?.remove();
  });

  /** The whole training loop, with a log line for every step. */
  async function ours(name: 'adamw' | 'muon', lora: typeof LORA | null) {
    const weights = await readWeights(model);
    const run = await openRunDirectory(path.join(exchange.folder, runName(name, lora)), { name });
    const optimizer = updater(name, lora, weights);
    // Drawn by us; torch takes them from there.
    for (const [tensor, values] of optimizer.state)
      if (/^model.*lora_A/.test(tensor)) await writeFile(path.join(exchange.folder, tensor), values);
    const log = await train({
      run,
      runHash: name,
      spec: model.spec,
      config: JSON.stringify(model.config),
      weights,
      gradients,
      optimizer,
      batches,
      schedule: { name: 'linear', ...SETTINGS, maxSteps: STEPS },
      maxGradNorm: 1,
      loggingSteps: 1,
      saveSteps: STEPS,
      saveTotalLimit: 1,
      resultBytes: 0,
      validation: null,
    });
    await run.close();
    return { weights, entries: log.entries.filter((entry): entry is TrainingEntry => !isEvaluation(entry)) };
  }

  function updater(name: 'adamw' | 'muon', lora: typeof LORA | null, weights: Weights): WeightUpdater {
    const settings = { name, ...SETTINGS, momentum: 0.95 };
    const shapes = decoderTensors(model.spec);
    const orthogonalize = orthogonalizer.run.bind(orthogonalizer);
    if (lora === null) return new Optimizer(settings, shapes, orthogonalize);
    return new LoraOptimizer({
      settings: lora,
      optimizer: settings,
      shapes,
      weights,
      seed: 1,
      products,
      orthogonalize,
    });
  }

  it.each(CASES)('$optim, bfloat16 $bfloat16, rank $lora.r', async ({ optim, bfloat16, lora }) => {
    const sequences = Array.from({ length: STEPS }, (_, step) => batches.step(step).flat()).flat();
    const ids = Int32Array.from(sequences.flatMap((sequence) => [...sequence.ids]));
    const key = runName(optim, lora);
    const running = runs.get(key) ?? runs.set(key, ours(optim, lora)).get(key)!;
    const run = await running;
    const answer = await reference.ask<{ readonly losses: number[]; readonly norms: number[] }>({
      ids: await exchange.writeIds('ids', ids),
      shape: [STEPS, BATCHES, ROWS, TOKENS],
      optim,
      bfloat16,
      lora: lora && {
        ...{ r: lora.r, alpha: lora.loraAlpha, modules: lora.targetModules, whole: lora.modulesToSave },
        a: exchange.folder,
      },
      learning_rate: SETTINGS.learningRate,
      weight_decay: SETTINGS.weightDecay,
      warmup_steps: SETTINGS.warmupSteps,
      max_grad_norm: 1,
      adam_beta1: SETTINGS.beta1,
      adam_beta2: SETTINGS.beta2,
      adam_epsilon: SETTINGS.epsilon,
      output: exchange.folder,
    });
    const label = `${STEPS} steps of ${key}${bfloat16 ? ' in bfloat16' : ''}`;
    expect(answer.losses).toHaveLength(STEPS);
    expect(run.entries).toHaveLength(STEPS);
    // It has to learn something for the comparison to mean anything.
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    console.log(`${label}: loss ${answer.losses[0]}, mean of the last ten ${mean(answer.losses.slice(-10))}`);
    const differences = run.entries.map(({ loss }, step) => Math.abs(loss - answer.losses[step]!));
    check(`losses, ${label}`, Math.max(...differences), TOLERANCE);
    const norms = run.entries.map(({ grad_norm }, step) => Math.abs(grad_norm / answer.norms[step]! - 1));
    console.log(`gradient norms, ${label}: largest relative difference ${Math.max(...norms).toExponential(2)}`);
    let [moved, apart] = [0, 0];
    const before = await readWeights(model);
    for (const [name, weight] of run.weights) {
      apart = Math.max(apart, largestDifference(weight, await exchange.readFloats(name)));
      moved = Math.max(moved, largestDifference(weight, before.get(name)!));
    }
    console.log(
      `weights, ${label}: largest difference ${apart.toExponential(2)}, largest change ${moved.toExponential(2)}`,
    );
    expect(apart / moved).toBeLessThan(bfloat16 ? 0.3 : 2e-3);
  });
});
