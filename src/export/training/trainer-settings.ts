/** What a recipe sets of a training, in numbers that every trainer means alike. */
export interface TrainerSettings {
  readonly maxSteps: number;
  /** Of one step, over all GPUs. */
  readonly sequences: number;
  readonly learningRate: number;
  readonly lrSchedulerType: string;
  /** Whole steps. */
  readonly warmupSteps: number;
  readonly weightDecay: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEpsilon: number;
  /** 0: gradients are not scaled down. */
  readonly maxGradNorm: number;
  readonly seed: number;
  readonly loggingSteps: number;
  readonly saveSteps: number;
}

/** Which keys of a recipe's fine-tuning (docs/extend.md) a trainer carries out. What stands in neither, nothing does. */
export interface CarriedOut {
  /** As the recipe has them. */
  readonly takes: readonly string[];
  /** Always so, whatever the recipe says. */
  readonly fixed: Readonly<Record<string, number | string | boolean>>;
}

const OF_ROWS_AND_STEPS = [
  'max_steps',
  'max_seq_length',
  'per_device_train_batch_size',
  'gradient_accumulation_steps',
  'warmup_steps',
];

/** No trainer cuts rows anew, or turns some positions of them otherwise. */
const ROWS_AS_THEY_ARE = { optim: 'adamw', short_windows: 0, count_skipped: false };

/** Trainers that read HF's TrainingArguments, with rows of long documents alone. */
export const TRAINING_ARGUMENTS: CarriedOut = {
  takes: [
    ...OF_ROWS_AND_STEPS,
    'learning_rate',
    'lr_scheduler_type',
    'weight_decay',
    'adam_beta1',
    'adam_beta2',
    'adam_epsilon',
    'max_grad_norm',
    'seed',
    'logging_steps',
    'save_steps',
  ],
  fixed: { ...ROWS_AS_THEY_ARE, mixed_windows: false },
};

/** nnScaler's example, which has flags for the steps alone (examples/longrope2/train.py). */
export const NNSCALER_EXAMPLE: CarriedOut = {
  takes: OF_ROWS_AND_STEPS,
  fixed: {
    ...ROWS_AS_THEY_ARE,
    mixed_windows: true,
    learning_rate: 2e-5,
    lr_scheduler_type: 'cosine',
    weight_decay: 0,
    adam_beta1: 0.9,
    adam_beta2: 0.95,
    adam_epsilon: 1e-8,
    max_grad_norm: 1,
    save_steps: 200,
  },
};
