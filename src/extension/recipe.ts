import { z } from 'zod';
import { ALGORITHM_NAMES, type MeasureName } from '../search/index.js';
import { FINETUNE_DEFAULTS } from '../training/defaults.js';
import { OPTIMIZERS } from '../training/optimizer.js';
import { SCHEDULES } from '../training/schedule.js';

/** The message of every check is what the user is told was expected. */
const TOKENS = 'a number of tokens such as 4096 or 4k';
const tokens = z
  .union([z.int(TOKENS).min(2, TOKENS), z.string().regex(/^\d{1,9}k$/i, TOKENS)], TOKENS)
  .transform((value) => (typeof value === 'number' ? value : 1024 * Number.parseInt(value, 10)))
  .refine((value) => value >= 2, TOKENS);
const count = z.int('a positive whole number').min(1, 'a positive whole number');
const wholeNumber = z.int('a whole number, 0 or more').min(0, 'a whole number, 0 or more');
const positive = z.number('a number above 0').gt(0, 'a number above 0');
const atLeastZero = z.number('a number, 0 or more').min(0, 'a number, 0 or more');
const below1 = z
  .number('a number from 0 to below 1')
  .min(0, 'a number from 0 to below 1')
  .lt(1, 'a number from 0 to below 1');
const SEED = 'a whole number from 1 to 2^32-1';
const seed = z.int(SEED).min(1, SEED).max(0xffffffff, SEED);
const NAME = 'a name of small letters, digits and -, beginning with a letter';
const name = z.string(NAME).regex(/^[a-z][a-z0-9-]*$/, NAME);
const PERCENT = 'a number of percent, 0 to 100';
const percent = z.number(PERCENT).min(0, PERCENT).max(100, PERCENT);
const text = (what: string) => z.string(what).min(1, what);
/** 'a, b or c' is what the user is told. */
const choice = <Name extends string>(names: readonly [Name, ...Name[]]) =>
  z.enum(names, `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`);
const list = <Item extends z.ZodType>(item: Item, what: string) => z.array(item, what).min(1, what);
/** What a run computes for each of its items under the item's own key. */
const once = <Item extends z.ZodType>(item: Item, what: string, each: string) =>
  list(item, what).refine((items) => new Set(items).size === items.length, `every ${each} once`);
const lengths = once(tokens, 'a list of lengths in tokens', 'length');

const texts = z.strictObject({
  /** Files, folders, .jsonl, .parquet, data sets. */
  paths: list(text('a path'), 'a list of paths'),
  /** How many documents, the first that are long enough; fine-tuning alone takes all and needs none. */
  samples: count.optional(),
  skip_characters: wholeNumber.default(0),
  text_field: text('a column').optional(),
});

const measures = {
  perplexity: positive.optional(),
  needle: positive.optional(),
  longppl: positive.optional(),
} satisfies Record<MeasureName, z.ZodType>;

/** What every search of factors is told. */
const searching = {
  /** By name: what auto chooses depends on the device. */
  algorithm: z.enum(ALGORITHM_NAMES, `one of ${ALGORITHM_NAMES.join(', ')}`).default('cma-es'),
  hyperparameters: z.record(z.string(), z.unknown(), 'keys of docs/search.md').optional(),
  budget: text('a budget such as 350evals').default('700evals'),
  seed: seed.default(1),
  max_factor: z.number('a number above 1').gt(1, 'a number above 1').optional(),
  pull: positive.optional(),
  /** Measures with their weights; default: the perplexity alone. */
  objective: z.strictObject(measures).optional(),
  needle_depths: list(percent, 'a list of percent').optional(),
  /** A model that marks the key tokens of longppl. */
  judge: name.optional(),
  /** Settings of --racing; {} is all defaults. */
  racing: z
    .record(z.string(), z.union([z.number(), z.string()], 'a number or a word'), 'settings of docs/search.md')
    .optional(),
  /** Factors to start from; none: closed forms alone. */
  start: z.array(name, 'a list of names of factors').optional(),
};
const onModel = { name, model: name.default('base') };

const search = z.strictObject({
  stage: z.literal('search'),
  ...onModel,
  target: tokens,
  texts: name,
  held_out: name.optional(),
  /** Second interpolation: factors to multiply. */
  over: name.optional(),
  lengths: lengths.optional(),
  length_weights: list(positive, 'a list of weights').optional(),
  /** Percent that the perplexity at the original length may rise. */
  short_limit: percent.optional(),
  /** One number of first positions that stay unscaled, or several to choose from. */
  start_tokens: list(wholeNumber, 'a list of whole numbers').optional(),
  ...searching,
});

/** Names and defaults of `longrope finetune`, which are those of HF Trainer. */
const training = z.strictObject({
  max_steps: count,
  per_device_train_batch_size: count.default(FINETUNE_DEFAULTS.perDeviceTrainBatchSize),
  gradient_accumulation_steps: count.default(FINETUNE_DEFAULTS.gradientAccumulationSteps),
  max_seq_length: tokens,
  learning_rate: positive.default(FINETUNE_DEFAULTS.learningRate),
  lr_scheduler_type: choice(SCHEDULES).default(FINETUNE_DEFAULTS.lrSchedulerType),
  warmup_steps: atLeastZero.optional(),
  optim: choice(OPTIMIZERS).default(FINETUNE_DEFAULTS.optim),
  weight_decay: atLeastZero.default(FINETUNE_DEFAULTS.weightDecay),
  adam_beta1: below1.default(FINETUNE_DEFAULTS.adamBeta1),
  adam_beta2: below1.default(FINETUNE_DEFAULTS.adamBeta2),
  adam_epsilon: positive.default(FINETUNE_DEFAULTS.adamEpsilon),
  muon_momentum: below1.default(FINETUNE_DEFAULTS.muonMomentum),
  max_grad_norm: atLeastZero.default(FINETUNE_DEFAULTS.maxGradNorm),
  lora_r: count.optional(),
  lora_alpha: positive.optional(),
  lora_target_modules: list(text('a module'), 'a list of modules').optional(),
  modules_to_save: list(text('a word'), 'a list of words').optional(),
  seed: seed.default(FINETUNE_DEFAULTS.seed),
  logging_steps: count.default(FINETUNE_DEFAULTS.loggingSteps),
  save_steps: count.default(FINETUNE_DEFAULTS.saveSteps),
  eval_steps: count.optional(),
  eval_lengths: lengths.optional(),
  short_windows: below1.default(FINETUNE_DEFAULTS.shortWindows),
  position_skipping: tokens.optional(),
  count_skipped: z.boolean('true or false').default(FINETUNE_DEFAULTS.countSkipped),
});

const finetune = z.strictObject({
  stage: z.literal('finetune'),
  ...onModel,
  /** A name, or a closed form with its ratio, e.g. yarn:64@1. */
  factors: text('a name of factors, or a closed form such as yarn:64'),
  /** Factors up to the original length; default 1. */
  short: name.optional(),
  texts: name,
  held_out: name.optional(),
  mixed_windows: z.boolean('true or false').default(FINETUNE_DEFAULTS.mixedWindows),
  where: z.enum(['here', 'elsewhere'], 'here or elsewhere').default('here'),
  /** Of a training elsewhere. */
  engine: z
    .enum(['axolotl', 'llama-factory', 'hf-trainer', 'nnscaler'], 'axolotl, llama-factory, hf-trainer or nnscaler')
    .default('hf-trainer'),
  gpus: count.default(8),
  hyperparameters: training,
});

const readjust = z.strictObject({
  stage: z.literal('readjust'),
  ...onModel,
  lengths,
  texts: name,
  /** Factors of the longer lengths, which join the sets. */
  with: list(name, 'a list of names of factors'),
  /** `shared`: that of the longest set, since engines have one for both lists; `own`: searched at each length. */
  attention: z.enum(['shared', 'own'], 'shared or own').default('shared'),
  ...searching,
  max_factor: z.number('a number above 1').gt(1, 'a number above 1'),
});

const evaluate = z.strictObject({
  stage: z.literal('evaluate'),
  ...onModel,
  /** Names of factors or factor sets, or methods as --rope spells them. */
  rope: list(text('a name or a method'), 'a list of names and methods'),
  perplexity: z.strictObject({ texts: name, lengths }).optional(),
  passkey: z.strictObject({ lengths, trials: count.default(10), seed: wholeNumber.default(0) }).optional(),
  ruler: z
    .strictObject({
      lengths,
      samples: count.default(10),
      tasks: once(text('a task'), 'a list of tasks', 'task').optional(),
      seed: wholeNumber.default(0),
    })
    .optional(),
});

const exported = z.strictObject({
  stage: z.literal('export'),
  ...onModel,
  /** One of the two. */
  factors: name.optional(),
  sets: name.optional(),
  to: z.enum(['hf', 'gguf'], 'hf or gguf').default('hf'),
  dtype: z.enum(['float32', 'float16', 'bfloat16'], 'float32, float16 or bfloat16').optional(),
});

export const STAGE_KINDS = ['search', 'finetune', 'readjust', 'evaluate', 'export'] as const;
export type StageKind = (typeof STAGE_KINDS)[number];

export const recipeSchema = z.strictObject(
  {
    format: z.literal('longrope-recipe/1', '"longrope-recipe/1"'),
    description: z.string('a text').optional(),
    model: text('a path of a model'),
    tokenizer: text('a path').optional(),
    texts: z.record(name, texts, 'texts by name').default({}),
    /** Factor files made elsewhere. */
    factors: z.record(name, text('a path'), 'paths by name').default({}),
    stages: list(
      z.discriminatedUnion(
        'stage',
        [search, finetune, readjust, evaluate, exported],
        `a stage: ${STAGE_KINDS.join(', ')}`,
      ),
      'a list of stages',
    ),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : 'a recipe') },
);

export type Recipe = z.output<typeof recipeSchema>;
export type Stage = Recipe['stages'][number];
export type StageOf<Kind extends StageKind> = Extract<Stage, { readonly stage: Kind }>;
export type RecipeTexts = Recipe['texts'][string];
