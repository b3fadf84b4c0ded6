import { Command, InvalidArgumentError, Option } from 'commander';
import { FINETUNE_DEFAULTS as DEFAULTS } from '../../training/defaults.js';
import { OPTIMIZERS } from '../../training/optimizer.js';
import { SCHEDULES } from '../../training/schedule.js';
import type { FinetuneJob } from '../../workflow/finetune.js';
import type { FinetuneSettings } from '../../workflow/finetune-settings.js';
import {
  collect,
  lengthList,
  positiveInteger,
  positiveNumber,
  seedNumber,
  shareNumber,
  tokenLength,
} from '../parsers.js';
import { byteSize, dtypeOption } from './export-options.js';

export interface FinetuneFlags extends Omit<FinetuneSettings, 'targetLength' | 'evalLengths'> {
  readonly target?: number;
  readonly out: string;
  readonly heldOut?: readonly string[];
  readonly evalLength?: readonly number[];
  readonly textField: string;
  readonly tokenizer?: string;
  readonly dtype?: FinetuneJob['dtype'];
  readonly maxShardSize: number;
  readonly threads?: number;
  readonly json?: true;
}

export function finetuneCommand(): Command {
  return new Command('finetune')
    .description('Train a model with rescaled RoPE on this CPU; the same command resumes a run that was cut off.')
    .argument('<model>', 'folder with config.json and safetensors')
    .argument('<text...>', 'text files, folders, .jsonl, .parquet, or tokenised data sets')
    .requiredOption('--rope <factors>', 'factor file, none, pi, ntk or yarn with :RATIO, or model (as it is)')
    .option('--short <file>', 'factors up to the original length (default: 1)')
    .option('--target <tokens>', 'length the factors are for, if their file does not say', tokenLength)
    .requiredOption('--out <folder>', 'run folder; the trained model is written to its folder model')
    .option('--max-steps <n>', 'steps of the optimiser (default: what --num-train-epochs needs)', positiveInteger)
    .option(
      '--num-train-epochs <n>',
      'how often all rows are seen, without --max-steps',
      positiveNumber,
      DEFAULTS.numTrainEpochs,
    )
    .option(
      '--per-device-train-batch-size <n>',
      'rows computed at a time',
      positiveInteger,
      DEFAULTS.perDeviceTrainBatchSize,
    )
    .option(
      '--gradient-accumulation-steps <n>',
      'batches that make one step',
      positiveInteger,
      DEFAULTS.gradientAccumulationSteps,
    )
    .option(
      '--max-seq-length <tokens>',
      "tokens of a row (default: the factors' length, or the original one)",
      tokenLength,
    )
    .option('--learning-rate <rate>', 'highest rate', positiveNumber, DEFAULTS.learningRate)
    .addOption(
      new Option('--lr-scheduler-type <name>', 'what follows the warm-up')
        .choices(SCHEDULES)
        .default(DEFAULTS.lrSchedulerType),
    )
    .option('--warmup-steps <n>', 'steps, or below 1 a share of all', atLeastZero)
    .option('--warmup-ratio <share>', 'the share alone', shareNumber)
    .addOption(
      new Option('--optim <name>', 'muon: matrices of layers by Muon, the rest by AdamW')
        .choices(OPTIMIZERS)
        .default(DEFAULTS.optim),
    )
    .option('--weight-decay <n>', 'of everything but norms and biases', atLeastZero, DEFAULTS.weightDecay)
    .option('--adam-beta1 <n>', 'decay of the mean gradient', shareNumber, DEFAULTS.adamBeta1)
    .option('--adam-beta2 <n>', 'decay of the mean square', shareNumber, DEFAULTS.adamBeta2)
    .option('--adam-epsilon <n>', 'added to the root', positiveNumber, DEFAULTS.adamEpsilon)
    .option('--muon-momentum <n>', 'decay of the mean gradient in Muon', shareNumber, DEFAULTS.muonMomentum)
    .option('--max-grad-norm <n>', 'clip gradients to this norm; 0 = never', atLeastZero, DEFAULTS.maxGradNorm)
    .option('--lora-r <n>', 'train updates of this rank and leave the matrices (default: all weights)', positiveInteger)
    .option(
      '--lora-alpha <n>',
      'an update is this over its rank times its factors (default: twice the rank)',
      positiveNumber,
    )
    .option('--lora-target-modules <list>', 'matrices with updates (default: q_proj,k_proj,v_proj,o_proj)', words)
    .option('--modules-to-save <list>', 'with --lora-r: what is trained whole, e.g. embed_tokens,norm', words)
    .option('--seed <n>', 'order of the data', seedNumber, DEFAULTS.seed)
    .option('--logging-steps <n>', 'steps per line of the log', positiveInteger, DEFAULTS.loggingSteps)
    .option('--save-steps <n>', 'steps per checkpoint', positiveInteger, DEFAULTS.saveSteps)
    .option('--save-total-limit <n>', 'checkpoints to keep', positiveInteger, DEFAULTS.saveTotalLimit)
    .option('--held-out <path>', 'texts whose perplexity is measured before, during and after; repeatable', collect)
    .option('--eval-steps <n>', 'steps per measurement (default: before and after alone)', positiveInteger)
    .option('--eval-length <list>', 'lengths to measure (default: the original one and --max-seq-length)', lengthList)
    .option(
      '--from-scratch',
      'draw the weights anew, by --seed; only the shape and tokenizer of the model are used',
      DEFAULTS.fromScratch,
    )
    .option('--no-mixed-windows', 'train short sequences with the long factors too')
    .option('--length-mix <list>', 'shares of rows by document length: 0:0.3,1k:0.7', lengthMix)
    .option(
      '--short-windows <share>',
      'this share of the rows: pieces of the original length, where no text is that short',
      shareNumber,
      DEFAULTS.shortWindows,
    )
    .option(
      '--position-skipping <tokens>',
      'PoSE: spread each sequence over a window of so many positions',
      tokenLength,
    )
    .option(
      '--count-skipped',
      'with --position-skipping: tokens before a skip stand for the skipped ones, so attention is as crowded as in the window',
      DEFAULTS.countSkipped,
    )
    .option('--text-field <name>', 'column of JSONL and Parquet', DEFAULTS.textField)
    .option('--tokenizer <path>', "another tokenizer than the model's own")
    .addOption(dtypeOption())
    .option('--max-shard-size <size>', 'e.g. 500MB, 5GB; larger weights are split', byteSize, DEFAULTS.maxShardBytes)
    .option('--threads <n>', 'default: all cores', positiveInteger)
    .option('--json', 'print the result as JSON')
    .action(async (model: string, texts: string[], flags: FinetuneFlags) => {
      const { runFinetune } = await import('../actions/finetune.js');
      await runFinetune(model, texts, flags);
    });
}

function atLeastZero(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(Number.isFinite(value) && value >= 0))
    throw new InvalidArgumentError('Expected a number, 0 or more.');
  return value;
}

function words(text: string): string[] {
  const list = text.split(',').map((word) => word.trim());
  if (list.includes('')) throw new InvalidArgumentError('Expected words with commas between them.');
  return list;
}

/** '0:0.3,1k:0.7': documents from so many tokens on : share of the rows. */
function lengthMix(text: string): { from: number; share: number }[] {
  const mix = text.split(',').map((part) => {
    const [from = '', share = '', ...more] = part.split(':');
    if (more.length > 0) throw new InvalidArgumentError('Expected LENGTH:SHARE with commas between them.');
    return { from: from.trim() === '0' ? 0 : tokenLength(from), share: positiveNumber(share) };
  });
  if (new Set(mix.map(({ from }) => from)).size < mix.length)
    throw new InvalidArgumentError('A length is named twice.');
  return mix;
}
