import { type Command, Option } from 'commander';
import { collect, positiveInteger } from '../parsers.js';
import { byteSize, dtypeOption, type ExportFlags, exportSubcommand } from './export-options.js';

export interface ExportTrainingFlags extends ExportFlags {
  readonly engine: 'axolotl' | 'llama-factory' | 'hf-trainer' | 'nnscaler';
  readonly data: readonly string[];
  readonly textField?: string;
  readonly tokenizer?: string;
  readonly gpus: number;
  readonly weights: 'copy' | 'link';
  readonly dtype?: 'float32' | 'float16' | 'bfloat16';
  readonly maxShardSize?: number;
}

export function exportTrainingCommand(): Command {
  return exportSubcommand('training')
    .description('A hand-off folder for a trainer: checkpoint, tokenised rows, its settings, and the way back.')
    .addOption(
      new Option('--engine <name>', 'the trainer')
        .choices(['axolotl', 'llama-factory', 'hf-trainer', 'nnscaler'])
        .makeOptionMandatory(),
    )
    .requiredOption('--data <path>', 'texts, or a data set made by tokenize; repeatable', collect)
    .requiredOption('--out <folder>', 'folder to make')
    .option('--gpus <n>', 'GPUs of the training', positiveInteger, 8)
    .option('--text-field <name>', 'column of JSONL and Parquet')
    .option('--tokenizer <path>', "another tokenizer than the model's own")
    .addOption(
      new Option('--weights <how>', 'copy or link (hard link, or symbolic on another disk)')
        .choices(['copy', 'link'])
        .default('copy'),
    )
    .addOption(dtypeOption())
    .option('--max-shard-size <size>', 'of weights that are written anew, e.g. 500MB (default: 5GB)', byteSize)
    .option('--json', 'print the result as JSON')
    .action(async (model: string, flags: ExportTrainingFlags) => {
      const { runExportTraining } = await import('../actions/export-training.js');
      await runExportTraining(model, flags);
    });
}
