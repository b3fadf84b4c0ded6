import { expect, it } from 'vitest';
import type { StageOf } from '../../src/extension/index.js';
import { FINETUNE_DEFAULTS } from '../../src/training/defaults.js';
import { trainerSettings } from '../../src/workflow/extend-training.js';
import { type FinetuneSettings, resolveFinetune } from '../../src/workflow/finetune-settings.js';
import { loadTiny } from '../helpers/tiny-model.js';

const ROWS = 100;

async function resolve(changes: Partial<FinetuneSettings>) {
  const settings = { ...FINETUNE_DEFAULTS, rope: 'yarn:2', ...changes };
  return resolveFinetune(settings, await loadTiny(), { evaluates: false });
}

it.each([
  ['one epoch', {}, 100],
  ['two and a half', { numTrainEpochs: 2.5 }, 250],
  ['steps of several rows, the last one not full', { perDeviceTrainBatchSize: 4, gradientAccumulationSteps: 2 }, 13],
  ['less than a step', { numTrainEpochs: 1e-3 }, 1],
  ['a number of steps, which wins', { numTrainEpochs: 3, maxSteps: 7 }, 7],
])('steps are those of %s', async (_, changes, maxSteps) => {
  expect((await resolve(changes)).schedule(ROWS).maxSteps).toBe(maxSteps);
});

it.each([
  ['none', {}, 0],
  ['steps', { warmupSteps: 7 }, 7],
  ['steps of which a fraction is cut off', { warmupSteps: 2.5 }, 2],
  ['a share below 1, rounded up', { warmupSteps: 0.25 }, 8],
  ['a ratio, rounded up', { warmupRatio: 0.07 }, 3],
])('a warm-up is one of %s, here and in a hand-off', async (_, changes, warmupSteps) => {
  const { schedule } = await resolve({ ...changes, maxSteps: 30 });
  expect(schedule(ROWS)).toMatchObject({ warmupSteps, maxSteps: 30 });
  // Recipes have no ratio.
  if ('warmupRatio' in changes) return;
  const hyperparameters = { max_steps: 30, warmup_steps: (changes as FinetuneSettings).warmupSteps };
  expect(trainerSettings({ hyperparameters } as StageOf<'finetune'>).warmupSteps).toBe(warmupSteps);
});

it('a norm of 0 clips never', async () => {
  expect((await resolve({ maxGradNorm: 0 })).maxGradNorm).toBe(null);
  expect((await resolve({ maxGradNorm: 0.5 })).maxGradNorm).toBe(0.5);
});
