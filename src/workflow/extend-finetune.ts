import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import { HANDOFF_NAME, readHandoff, type TrainerSettings, trainingEngines } from '../export/index.js';
import { isClosedForm, type Recipe, type StageJob, type StageOf, type StageOutcome } from '../extension/index.js';
import { type DecoderSpec, hashModel, loadModel } from '../model/index.js';
import { writeFileAtomic } from '../run/index.js';
import { FINETUNE_DEFAULTS } from '../training/defaults.js';
import { exportHf } from './export-hf.js';
import type { ExportRopeOptions } from './export-rope.js';
import { exportTraining } from './export-training.js';
import { exists, modelFiles } from './extend-files.js';
import type { StageContext } from './extend-stages.js';
import { pathsOf } from './extend-texts.js';
import { finetune } from './finetune.js';
import type { FinetuneSettings } from './finetune-settings.js';

/** What the trainer does of what a recipe can say, in the words of recipes. */
const HYPERPARAMETERS_NAME = 'hyperparameters.json';
const MAX_SHARD_BYTES = 5e9;

export function finetuneStage(job: StageJob<'finetune'>, context: StageContext): Promise<StageOutcome> {
  return job.stage.where === 'here' ? trainHere(job, context) : trainElsewhere(job, context);
}

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
  const warmup = hp.warmup_steps ?? 0;
  return {
    maxSteps: hp.max_steps,
    sequences: hp.per_device_train_batch_size * hp.gradient_accumulation_steps,
    learningRate: hp.learning_rate,
    lrSchedulerType: hp.lr_scheduler_type,
    warmupSteps: Math.ceil(warmup < 1 ? warmup * hp.max_steps : warmup),
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

function carriedOut({ engine, hyperparameters }: StageOf<'finetune'>) {
  const { takes, fixed } = trainingEngines[engine].carriesOut;
  return { ...Object.fromEntries(Object.entries(hyperparameters).filter(([key]) => takes.includes(key))), ...fixed };
}

function ropeFiles({ stage: { factors, short }, pathOf }: StageJob<'finetune'>): ExportRopeOptions {
  return {
    rope: isClosedForm(factors) ? factors : pathOf(factors),
    ...(short !== undefined && { short: pathOf(short) }),
  };
}

function textFieldOf({ texts }: Recipe, name: string): string {
  return texts[name]?.text_field ?? FINETUNE_DEFAULTS.textField;
}

async function trainHere(job: StageJob<'finetune'>, context: StageContext): Promise<StageOutcome> {
  const { stage, folder, pathOf, onProgress, signal } = job;
  const { recipe, trainingThreads, command } = context;
  const { held_out: heldOut } = stage;
  const fieldOf = (text: string) => textFieldOf(recipe, text);
  const result = await finetune({
    ...stageSettings(stage, ropeFiles(job)),
    model: pathOf(stage.model),
    tokenizer: context.tokenizerPath,
    texts: pathsOf(recipe, stage.texts),
    heldOut: heldOut === undefined ? [] : pathsOf(recipe, heldOut),
    textField: fieldOf(stage.texts),
    ...(heldOut !== undefined && { heldOutTextField: fieldOf(heldOut) }),
    out: folder,
    threads: trainingThreads,
    command,
    onStep: ({ step, loss, maxSteps }) => onProgress(step, maxSteps, `step ${step}, loss ${loss.toFixed(4)}`),
    ...(signal && { signal }),
  });
  const { steps, tokens, log, evaluations } = result;
  return {
    outputs: await modelFiles(folder, 'model'),
    figures: {
      steps,
      tokens,
      loss: log.at(-1)?.loss ?? null,
      evaluations: evaluations.map(({ step, eval_length: length, eval_perplexity: perplexity }) => ({
        step,
        length,
        perplexity,
      })),
    },
  };
}

/** Writes the hand-off folder, and takes the checkpoint that was trained from it. */
async function trainElsewhere(job: StageJob<'finetune'>, context: StageContext): Promise<StageOutcome> {
  const { stage, folder, pathOf, onProgress, signal } = job;
  const handoff = path.join(folder, 'handoff');
  if (!(await isWritten(handoff)))
    await exportTraining({
      model: pathOf(stage.model),
      tokenizer: context.tokenizerPath,
      ...ropeFiles(job),
      engine: stage.engine,
      out: handoff,
      data: pathsOf(context.recipe, stage.texts),
      textField: textFieldOf(context.recipe, stage.texts),
      gpus: stage.gpus,
      rowTokens: stage.hyperparameters.max_seq_length,
      settings: trainerSettings(stage),
      weights: 'copy',
      maxShardBytes: MAX_SHARD_BYTES,
      onProgress,
      ...(signal && { signal }),
    });
  await writeFileAtomic(path.join(folder, HYPERPARAMETERS_NAME), `${JSON.stringify(carriedOut(stage), null, 2)}\n`);
  const checkpoint = context.checkpoints.get(stage.name);
  if (checkpoint === undefined) throw waiting(job, handoff);
  await refuseOtherShape(pathOf(stage.model), checkpoint);
  await exportHf({
    model: checkpoint,
    restore: handoff,
    out: path.join(folder, 'model'),
    // What an interrupted start has written is the same.
    force: true,
    weights: 'copy',
    maxShardBytes: MAX_SHARD_BYTES,
    profile: 'redundant',
    engines: ['transformers'],
    factorSets: [],
    onProgress,
    ...(signal && { signal }),
  });
  return {
    outputs: [`handoff/${HANDOFF_NAME}`, ...(await modelFiles(folder, 'model'))],
    figures: { trained: stage.engine, checkpoint: await hashModel(await loadModel(checkpoint)) },
  };
}

async function isWritten(handoff: string): Promise<boolean> {
  const file = path.join(handoff, HANDOFF_NAME);
  if (!(await exists(file, 'the file of a hand-off'))) return false;
  await readHandoff(file);
  return true;
}

function waiting({ stage }: StageJob<'finetune'>, handoff: string): UserError {
  return new UserError('handoff', {
    where: `--checkpoint ${stage.name}=FOLDER`,
    expected: `the checkpoint that ${stage.engine} trains from ${handoff}, whose README.md says how`,
    found: 'none yet',
    fix: `train there, then run this command again with --checkpoint ${stage.name}=FOLDER`,
  });
}

const SHAPE = [
  'architecture',
  'layers',
  'hiddenSize',
  'heads',
  'keyValueHeads',
  'headDim',
  'intermediateSize',
  'vocabularySize',
] as const satisfies readonly (keyof DecoderSpec)[];

async function refuseOtherShape(model: string, checkpoint: string): Promise<void> {
  const [before, after] = [(await loadModel(model)).spec, (await loadModel(checkpoint)).spec];
  const problems = SHAPE.flatMap((key): Problem[] =>
    before[key] === after[key]
      ? []
      : [{ where: `${checkpoint}: ${key}`, expected: `${before[key]}, as it was handed off`, found: `${after[key]}` }],
  );
  if (problems.length > 0) throw new UserError('input', problems);
}
