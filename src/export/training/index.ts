import { axolotl } from './axolotl.js';
import type { TrainingEngine, TrainingEngineName } from './engine.js';
import { hfTrainer } from './hf-trainer.js';
import { llamaFactory } from './llama-factory.js';
import { nnscaler } from './nnscaler.js';

export const trainingEngines: Readonly<Record<TrainingEngineName, TrainingEngine>> = {
  axolotl,
  'llama-factory': llamaFactory,
  'hf-trainer': hfTrainer,
  nnscaler,
};
