import { Command, InvalidArgumentError } from 'commander';
import { lengthList, positiveInteger, tokenLength, wholeNumber } from '../parsers.js';
import { addEvaluationOptions, type EvaluationFlags } from './evaluation-options.js';

export interface LongPerplexityFlags extends EvaluationFlags {
  readonly length: number[];
  readonly short?: number;
  readonly alpha: number;
  readonly beta: number;
  readonly judge?: string;
  readonly judgeRope?: string;
  readonly minTokens?: number;
  readonly samples?: number;
  readonly skipCharacters: number;
  readonly textField: string;
  readonly bos: boolean;
}

export function longPerplexityCommand(): Command {
  const command = new Command('longppl')
    .description('LongPPL: perplexity of the tokens that need the long context, as a judge model marks them.')
    .argument('<model>', 'folder with config.json and safetensors, or a .gguf file')
    .argument('<text...>', 'text files, folders, .jsonl, .parquet, or a tokenised data set')
    .requiredOption('--length <list>', 'lengths in tokens, e.g. 2048,4096 or 2k,4k', lengthList)
    .option('--short <tokens>', 'short context (default: a quarter of the shortest length, 4096 at most)', tokenLength)
    .option('--alpha <nats>', 'least gain of log-probability from the long context', decimal, 2)
    .option('--beta <nats>', 'least log-probability given the long context', decimal, -2)
    .option('--judge <model>', 'model that marks the key tokens (default: the model itself)')
    .option('--judge-rope <method>', "RoPE of the judge (default: the first --rope, or a judge's own)")
    .option('--min-tokens <n>', 'leave out shorter documents', positiveInteger)
    .option('--samples <n>', 'use only the first n documents', positiveInteger)
    .option('--skip-characters <n>', 'start every document after this many characters', wholeNumber, 0)
    .option('--no-bos', 'put no BOS token in front of windows (default: one if the tokenizer has it)')
    .option('--text-field <name>', 'column of JSONL and Parquet', 'text');
  return addEvaluationOptions(command).action(async (model: string, texts: string[], flags: LongPerplexityFlags) => {
    const { runEvaluateLongPerplexity } = await import('../actions/evaluate-longppl.js');
    await runEvaluateLongPerplexity(model, texts, flags);
  });
}

function decimal(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}
