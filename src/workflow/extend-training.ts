import type { TrainerSettings } from '../export/index.js';
import { isClosedForm, type Recipe, type StageJob, type StageOf } from '../extension/index.js';
import { FINETUNE_DEFAULTS } from '../training/defaults.js';
import { warmupStepsOf } from '../training/schedule.js';
import type { ExportRopeOptions } from './export-rope.js';
import type { FinetuneSettings } from './finetune-settings.js';

/** What the stage sets of a training with `rope`, a closed form or a file, and with `short`, a file. */
export function stageSettings(
  { hyperparameters: hp, mixed_windows: mixedWindows }: StageOf<'finetune'>,
  files: ExportRopeOptions,
) {
  return {
    ...FINETUNE_DEFAULTS,
    ...files,
    maxSteps: hp.max_steps,
    perDeviceTrainBatchSize: hp.per_device_train_batch_size,
    gradientAccumulationSteps: hp.gradient_accumulation_steps,
    maxSeqLength: hp.max_seq_length,
    learningRate: hp.learning_rate,
    lrSchedulerType: hp.lr_scheduler_type,
    ...(hp.warmup_steps !== undefined && { warmupSteps: hp.warmup_steps }),
    optim: hp.optim,
    weightDecay: hp.weight_decay,
    adamBeta1: hp.adam_beta1,
    adamBeta2: hp.adam_beta2,
    adamEpsilon: hp.adam_epsilon,
    muonMomentum: hp.muon_momentum,
    maxGradNorm: hp.max_grad_norm,
    ...(hp.lora_r !== undefined && { loraR: hp.lora_r }),
    ...(hp.lora_alpha !== undefined && { loraAlpha: hp.lora_alpha }),
    ...(hp.lora_target_modules && { loraTargetModules: hp.lora_target_modules }),
    ...(hp.modules_to_save && { modulesToSave: hp.modules_to_save }),
    seed: hp.seed,
    loggingSteps: hp.logging_steps,
    saveSteps: hp.save_steps,
    ...(hp.eval_steps !== undefined && { evalSteps: hp.eval_steps }),
    ...(hp.eval_lengths !== undefined && { evalLengths: hp.eval_lengths }),
    mixedWindows,
    shortWindows: hp.short_windows,
    ...(hp.position_skipping !== undefined && { positionSkipping: hp.position_skipping }),
    countSkipped: hp.count_skipped,
  } satisfies FinetuneSettings;
}

/** The same for a trainer elsewhere, where a batch on one GPU is one sequence. */
export function trainerSettings({ hyperparameters: hp }: StageOf<'finetune'>): TrainerSettings {
  return {
    maxSteps: hp.max_steps,
    sequences: hp.per_device_train_batch_size * hp.gradient_accumulation_steps,
    learningRate: hp.learning_rate,
    lrSchedulerType: hp.lr_scheduler_type,
    warmupSteps: warmupStepsOf(hp.warmup_steps ?? 0, hp.max_steps),
    weightDecay: hp.weight_decay,
    adamBeta1: hp.adam_beta1,
    adamBeta2: hp.adam_beta2,
    adamEpsilon: hp.adam_epsilon,
    maxGradNorm: hp.max_grad_norm,
    seed: hp.seed,
    loggingSteps: hp.logging_steps,
    saveSteps: hp.save_steps,
  };
}

/** A closed form, or files of earlier stages. */
export function ropeFiles({ stage: { factors, short }, pathOf }: StageJob<'finetune'>): ExportRopeOptions {
  return {
    rope: isClosedForm(factors) ? factors : pathOf(factors),
    ...(short !== undefined && { short: pathOf(short) }),
  };
}

export function textFieldOf({ texts }: Recipe, name: string): string {
  return texts[name]?.text_field ?? FINETUNE_DEFAULTS.textField;
}
