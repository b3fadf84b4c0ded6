import path from 'node:path';
import { decoderTensors, loadModel, type Model } from '../../src/model/index.js';
import { openRunDirectory } from '../../src/run/index.js';
import { GradientEngine, readWeights, type Weights } from '../../src/runtime/index.js';
import {
  Batches,
  Optimizer,
  type OptimizerSettings,
  packRows,
  type Schedule,
  type TrainingOptions,
  train,
  validate,
  type WeightUpdater,
} from '../../src/training/index.js';
import { interpolated, randomIds } from '../helpers/engine-models.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';

export interface SmallRun {
  readonly out: string;
  readonly schedule?: Partial<Schedule>;
  readonly options?: Partial<TrainingOptions>;
  /** Default: AdamW on all weights. */
  readonly updater?: (settings: OptimizerSettings, weights: Weights) => WeightUpdater;
  /** Measure held-out documents every two steps; `onMeasure` hears of it beforehand. */
  readonly onMeasure?: (step: number) => void;
}

export const LENGTHS = [12, 30] as const;

/** Trains a random model of 20,000 weights on random tokens: the real loop, at milliseconds per step. */
export async function openSmallTraining(folder: string, config: Readonly<Record<string, unknown>> = {}) {
  const modelFolder = path.join(folder, 'model');
  await writeTinyCheckpoint(modelFolder, { config });
  const model: Model = await loadModel(modelFolder);
  const documents = [0, 1, 2, 3, 4].map((i) => ({ id: `doc${i}`, ids: randomIds(model, 14 + 7 * i, i + 1) }));
  const rows = packRows(documents, { rowTokens: 24, bos: 1, eos: 2 });
  const gradients = await GradientEngine.create({
    spec: model.spec,
    threads: 1,
    wanted: { weights: 'all', tables: false },
  });
  const heldOut = [{ id: 'held out', ids: randomIds(model, 40, 9) }];
  const rope = interpolated(model, 2);
  const batches = new Batches([{ share: 1, rows }], {
    seed: 3,
    rowsPerBatch: 1,
    batchesPerStep: 2,
    rope: () => rope,
    skipping: null,
  });
  return {
    model,
    heldOut,
    rope,
    gradients,
    close: () => gradients.close(),
    async run({ out, schedule, options, updater, onMeasure }: SmallRun) {
      const weights = await readWeights(model);
      const run = await openRunDirectory(out, { small: true });
      const settings = {
        name: 'adamw',
        beta1: 0.9,
        beta2: 0.95,
        epsilon: 1e-8,
        momentum: 0.95,
        weightDecay: 0.1,
      } as const;
      try {
        const log = await train({
          run,
          runHash: 'small',
          spec: model.spec,
          config: JSON.stringify(model.config),
          weights,
          gradients,
          optimizer:
            updater?.(settings, weights) ??
            new Optimizer(settings, decoderTensors(model.spec), () => {
              throw new Error('no Muon here');
            }),
          batches,
          schedule: { name: 'linear', learningRate: 1e-2, warmupSteps: 1, maxSteps: 6, ...schedule },
          maxGradNorm: 1,
          loggingSteps: 2,
          saveSteps: 2,
          saveTotalLimit: 1,
          resultBytes: 0,
          validation:
            onMeasure === undefined
              ? null
              : {
                  evalSteps: 2,
                  lengths: LENGTHS,
                  validate: (step) => {
                    onMeasure(step);
                    const options = { lengths: LENGTHS, rope: () => rope, threads: 1, folder: out, bosTokenId: 1 };
                    return validate(weights, step, { ...options, spec: model.spec, documents: heldOut });
                  },
                },
          ...options,
        });
        return { weights, entries: log.entries };
      } finally {
        await run.close();
      }
    },
  };
}
