import { configWithLongrope, type LongropeTable } from '../export/index.js';
import type { Model, RopeSpec } from '../model/index.js';
import { type ResolvedRope, type RopeScaling, resolveRope } from '../rope/index.js';
import type { Json } from '../run/index.js';
import type {
  BatchOptions,
  LengthShare,
  LoraSettings,
  OptimizerSettings,
  Schedule,
  ScheduleName,
  TrainingSize,
} from '../training/index.js';
import { warmupStepsOf } from '../training/schedule.js';
import { type ExportRopeOptions, exportTable } from './export-rope.js';
import { refuseContradictions } from './finetune-contradictions.js';
import { type LoraOptions, loraSettings } from './lora-settings.js';

/** What a user sets, named as HF Trainer's TrainingArguments where it has them. */
export interface FinetuneSettings extends ExportRopeOptions, LoraOptions {
  /** Default: `numTrainEpochs` times all rows. */
  readonly maxSteps?: number;
  readonly numTrainEpochs: number;
  readonly perDeviceTrainBatchSize: number;
  readonly gradientAccumulationSteps: number;
  /** Default: the length the factors are for, or the model's original length. */
  readonly maxSeqLength?: number;
  readonly learningRate: number;
  readonly lrSchedulerType: ScheduleName;
  /** Steps, or below 1 a share of all steps. */
  readonly warmupSteps?: number;
  readonly warmupRatio?: number;
  readonly optim: OptimizerSettings['name'];
  readonly weightDecay: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEpsilon: number;
  readonly muonMomentum: number;
  /** 0 = no clipping. */
  readonly maxGradNorm: number;
  readonly seed: number;
  readonly loggingSteps: number;
  readonly saveSteps: number;
  readonly saveTotalLimit: number;
  /** Default: only before and after training. */
  readonly evalSteps?: number;
  /** Default: the original length and `maxSeqLength`. */
  readonly evalLengths?: readonly number[];
  /** Weights are drawn anew; of the model only its shape is used. */
  readonly fromScratch: boolean;
  /** Sequences up to the original length are trained with the short factors, as they will be served. */
  readonly mixedWindows: boolean;
  readonly lengthMix?: readonly LengthShare[];
  /** This share of the rows holds pieces of the original length, which the short factors turn. */
  readonly shortWindows: number;
  /** PoSE: spread the positions of every sequence over a window of so many. */
  readonly positionSkipping?: number;
  /** Attention counts the skipped positions: tokens before a skip stand for them. */
  readonly countSkipped: boolean;
}

export interface ResolvedFinetune {
  readonly rope: string;
  /** null: the model's own RoPE. */
  readonly table: LongropeTable | null;
  /** config.json of the trained model. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly rowTokens: number;
  readonly lengthMix: readonly LengthShare[];
  readonly shortWindows: { readonly share: number; readonly windowTokens: number };
  readonly batches: BatchOptions;
  readonly optimizer: OptimizerSettings;
  /** null: all weights are trained. */
  readonly lora: LoraSettings | null;
  readonly maxGradNorm: number | null;
  readonly evalSteps: number;
  readonly evalLengths: readonly number[];
  /** The RoPE that engines will choose at a length. */
  readonly servedRope: (length: number) => ResolvedRope;
  readonly schedule: (rows: number) => Schedule;
  /** All of this that the result depends on. */
  readonly identity: { readonly [key: string]: Json };
}

/** Throws one `UserError` with everything that does not fit together or not to this model. */
export async function resolveFinetune(
  settings: FinetuneSettings,
  model: Model,
  { evaluates }: { readonly evaluates: boolean },
): Promise<ResolvedFinetune> {
  const { rope: spec } = model.spec;
  const table = await exportTable(settings, spec);
  const scaling = table === null ? spec.scaling : longropeScaling(table);
  const reach = table?.targetLength ?? spec.maxPositionEmbeddings;
  const rowTokens = settings.maxSeqLength ?? table?.targetLength ?? spec.originalLength;
  const evalLengths = evalLengthsOf(settings, spec.originalLength, rowTokens);
  refuseContradictions(settings, { spec: model.spec, model }, { reach, rowTokens, evaluates });
  const servedRope = (length: number) => resolveRope(spec.geometry, scaling, length);
  const resolved = {
    rowTokens,
    lengthMix: settings.lengthMix ?? [{ from: 0, share: 1 }],
    shortWindows: { share: settings.shortWindows, windowTokens: Math.min(spec.originalLength, rowTokens) },
    optimizer: {
      name: settings.optim,
      beta1: settings.adamBeta1,
      beta2: settings.adamBeta2,
      epsilon: settings.adamEpsilon,
      momentum: settings.muonMomentum,
      weightDecay: settings.weightDecay,
    },
    maxGradNorm: settings.maxGradNorm === 0 ? null : settings.maxGradNorm,
    evalSteps: settings.evalSteps ?? Number.MAX_SAFE_INTEGER,
    evalLengths,
  };
  const batches = {
    seed: settings.seed,
    rowsPerBatch: settings.perDeviceTrainBatchSize,
    batchesPerStep: settings.gradientAccumulationSteps,
    skipping:
      settings.positionSkipping === undefined
        ? null
        : { window: settings.positionSkipping, countSkipped: settings.countSkipped },
  };
  const lora = loraSettings(settings);
  const { mixedWindows, loggingSteps, fromScratch } = settings;
  return {
    rope: settings.rope,
    table,
    config: table === null ? model.config : configWithLongrope(model.config, spec.geometry, table),
    ...resolved,
    lora,
    batches: { ...batches, rope: (positions) => servedRope(mixedWindows ? positions : Math.max(positions, reach)) },
    servedRope,
    schedule: (rows) => scheduleOf(settings, rows),
    identity: {
      ...resolved,
      shortWindows: { ...resolved.shortWindows },
      lengthMix: resolved.lengthMix.map(({ from, share }) => [from, share]),
      optimizer: { ...resolved.optimizer },
      batches,
      ...(lora !== null && {
        lora: { ...lora, targetModules: [...lora.targetModules], modulesToSave: [...lora.modulesToSave] },
      }),
      mixedWindows,
      ...(fromScratch && { fromScratch }),
      loggingSteps,
      rope: table === null ? 'model' : { ...table, short: [...table.short], long: [...table.long] },
    },
  };
}

function longropeScaling(table: LongropeTable): RopeScaling {
  return {
    type: 'longrope',
    shortFactor: table.short,
    longFactor: table.long,
    originalLength: table.originalLength,
    factor: table.targetLength / table.originalLength,
    attentionFactor: table.attentionFactor,
  };
}

/** What the memory of a training depends on. */
export function trainingSize(
  settings: FinetuneSettings,
  { originalLength }: RopeSpec,
  {
    rowTokens,
    evaluates,
    threads,
  }: { readonly rowTokens: number; readonly evaluates: boolean; readonly threads: number },
): TrainingSize {
  const lora = loraSettings(settings);
  return {
    optimizer: settings.optim,
    tokens: settings.perDeviceTrainBatchSize * rowTokens,
    longest: rowTokens,
    batchesPerStep: settings.gradientAccumulationSteps,
    evalLength: evaluates ? Math.max(...evalLengthsOf(settings, originalLength, rowTokens)) : 0,
    countsSkipped: settings.countSkipped,
    threads,
    ...(lora !== null && { lora }),
  };
}

function evalLengthsOf(
  { evalLengths }: FinetuneSettings,
  originalLength: number,
  rowTokens: number,
): readonly number[] {
  return evalLengths ?? [...new Set([Math.min(originalLength, rowTokens), rowTokens])];
}

function scheduleOf(settings: FinetuneSettings, rows: number): Schedule {
  const rowsPerStep = settings.perDeviceTrainBatchSize * settings.gradientAccumulationSteps;
  const maxSteps = settings.maxSteps ?? Math.max(1, Math.ceil((settings.numTrainEpochs * rows) / rowsPerStep));
  return {
    name: settings.lrSchedulerType,
    learningRate: settings.learningRate,
    warmupSteps:
      settings.warmupRatio === undefined
        ? warmupStepsOf(settings.warmupSteps ?? 0, maxSteps)
        : Math.ceil(maxSteps * settings.warmupRatio),
    maxSteps,
  };
}
