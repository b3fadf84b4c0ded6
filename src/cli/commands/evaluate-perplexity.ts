import { Command, Option } from 'commander';
import { lengthList, positiveInteger, wholeNumber } from '../parsers.js';
import { addEvaluationOptions, type EvaluationFlags } from './evaluation-options.js';

export interface EvaluatePerplexityFlags extends EvaluationFlags {
  readonly length?: number[];
  readonly protocol: 'document' | 'released' | 'sliding';
  readonly stride?: number;
  readonly truncate?: true;
  readonly maxTokens?: number;
  readonly minTokens?: number;
  readonly samples?: number;
  readonly skipCharacters: number;
  readonly textField: string;
  readonly bos: boolean;
  readonly output?: string;
}

export function evaluatePerplexityCommand(): Command {
  const command = new Command('perplexity')
    .description('Perplexity against length for one or several RoPE methods, with intervals and loss by position.')
    .argument('<model>', 'folder with config.json and safetensors, or a .gguf file')
    .argument('<text...>', 'text files, folders, .jsonl, .parquet, or a tokenised data set')
    .option(
      '--length <list>',
      "lengths in tokens, e.g. 2048,4096 or 2k,4k (default: the model's original length)",
      lengthList,
    )
    .addOption(
      new Option('--protocol <name>', 'how windows are cut and averaged')
        .choices(['document', 'released', 'sliding'])
        .default('document'),
    )
    .option('--stride <tokens>', 'step between windows (released and sliding; default: 256)', positiveInteger)
    .option('--truncate', 'released: one window per document')
    .option('--max-tokens <n>', 'sliding: look at no more tokens of a document', positiveInteger)
    .option('--min-tokens <n>', 'leave out shorter documents', positiveInteger)
    .option('--samples <n>', 'use only the first n documents', positiveInteger)
    .option('--skip-characters <n>', 'start every document after this many characters', wholeNumber, 0)
    .option('--no-bos', 'put no BOS token in front of windows (default: one if the tokenizer has it)')
    .option('--text-field <name>', 'column of JSONL and Parquet', 'text')
    .option('--output <file>', 'write the result as JSON to a file as well');
  return addEvaluationOptions(command).action(
    async (model: string, texts: string[], flags: EvaluatePerplexityFlags) => {
      const { runEvaluatePerplexity } = await import('../actions/evaluate-perplexity.js');
      await runEvaluatePerplexity(model, texts, flags);
    },
  );
}
