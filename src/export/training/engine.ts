import type { DatasetColumn } from '../../corpus/index.js';
import type { Problem } from '../../errors.js';
import type { DecoderSpec } from '../../model/types.js';
import type { LongropeTable } from '../longrope-table.js';
import type { CarriedOut, TrainerSettings } from './trainer-settings.js';

export const TRAINING_ENGINES = ['axolotl', 'llama-factory', 'hf-trainer', 'nnscaler'] as const;
export type TrainingEngineName = (typeof TRAINING_ENGINES)[number];

/** What the files of a hand-off are written from. */
export interface TrainingPlan {
  readonly spec: DecoderSpec;
  readonly table: LongropeTable;
  /** Class of a layer in transformers, e.g. LlamaDecoderLayer. */
  readonly layerClass: string;
  readonly gpus: number;
  readonly rows: number;
  /** Of every row. */
  readonly rowTokens: number;
  /** null: LongRoPE's for 128k, and every row once. */
  readonly settings: TrainerSettings | null;
}

/** What a trainer is asked before there are factors and rows. */
export type TrainingRequest = Pick<TrainingPlan, 'spec' | 'gpus' | 'rowTokens'>;

/** One trainer: what it can be given, and the files it reads. Paths in them are relative to the hand-off folder. */
export interface TrainingEngine {
  /** Exactly these; some trainers refuse or misread others. */
  readonly columns: readonly DatasetColumn[];
  /** `mixed`: rows of short and of long documents, told apart by their positions. */
  readonly rows: 'concatenated' | 'mixed';
  /**
   * Which lists the config of the model to train has. `long`: both are the long one, since a rank that holds the start of a
   * sequence would choose the short one. `both`: the trainer chooses by the whole sequence.
   */
  readonly lists: 'long' | 'both';
  /** Whether its code fails with a tokenizer that lacks one of BOS and EOS. */
  readonly needsBosAndEos?: boolean;
  readonly carriesOut: CarriedOut;
  /** Sequences that so many GPUs compute at a time. */
  parallel(gpus: number): number;
  check(request: TrainingRequest): readonly Problem[];
  /** Name -> text. */
  files(plan: TrainingPlan): ReadonlyMap<string, string>;
  /** Shell lines that train, run in the hand-off folder; the last ones leave a Hugging Face folder at `trained`. */
  launch(plan: TrainingPlan): readonly string[];
  /** What somebody who starts it has to have and to know, one entry per bullet. */
  readonly notes: readonly string[];
}

/** LongRoPE's recipe for 128k: 32 sequences per step, warm-up over 20 steps, 2e-5, no weight decay. */
export const RECIPE = { sequences: 32, warmupSteps: 20, learningRate: 2e-5, beta1: 0.9, beta2: 0.95 } as const;

/** Micro-batches of one sequence per step when `parallel` sequences are computed at a time. */
export function accumulation({ settings, rows }: TrainingPlan, parallel: number): number {
  const sequences = settings?.sequences ?? Math.min(RECIPE.sequences, rows);
  return Math.max(1, Math.floor(sequences / parallel));
}

/** The recipe in the names of HF's TrainingArguments, which axolotl has taken over; `parallel` sequences at a time. */
export function trainingArguments(plan: TrainingPlan, parallel: number) {
  const { settings } = plan;
  return {
    output_dir: './trained',
    gradient_accumulation_steps: accumulation(plan, parallel),
    bf16: true,
    ...(settings === null
      ? {
          learning_rate: RECIPE.learningRate,
          warmup_steps: RECIPE.warmupSteps,
          adam_beta1: RECIPE.beta1,
          adam_beta2: RECIPE.beta2,
          weight_decay: 0,
          max_grad_norm: 1,
          logging_steps: 1,
          save_strategy: 'epoch',
        }
      : {
          max_steps: settings.maxSteps,
          learning_rate: settings.learningRate,
          warmup_steps: settings.warmupSteps,
          adam_beta1: settings.adamBeta1,
          adam_beta2: settings.adamBeta2,
          adam_epsilon: settings.adamEpsilon,
          weight_decay: settings.weightDecay,
          max_grad_norm: settings.maxGradNorm,
          seed: settings.seed,
          logging_steps: settings.loggingSteps,
          save_strategy: 'steps',
          save_steps: settings.saveSteps,
        }),
  };
}

/** By which name transformers and axolotl know the schedule. */
export function scheduleName({ settings }: TrainingPlan): string {
  return settings?.lrSchedulerType ?? 'cosine';
}

/** What transformers' Trainer itself is told beside that. */
export function trainerArguments(plan: TrainingPlan, parallel: number) {
  return {
    ...trainingArguments(plan, parallel),
    deepspeed: './deepspeed.json',
    per_device_train_batch_size: 1,
    ...(plan.settings === null && { num_train_epochs: 1 }),
    lr_scheduler_type: scheduleName(plan),
    save_only_model: true,
    report_to: 'none',
  };
}

/** Sequence parallelism cuts every row into equal parts. */
export function divisibleRows({ rowTokens, gpus }: TrainingRequest): Problem[] {
  if (rowTokens % gpus === 0) return [];
  return [
    {
      where: `--gpus ${gpus}`,
      expected: `a divisor of the ${rowTokens} tokens of a row, which is cut into one part for each GPU`,
      found: `${gpus}`,
    },
  ];
}
