import { type Command, Option } from 'commander';
import { seedNumber } from '../parsers.js';

/** Flags of the evaluations that let a model write. */
export interface GenerationFlags {
  readonly length?: number[];
  readonly seed: number;
  readonly bos: boolean;
  readonly switch: 'once' | 're-prefill';
}

export function addGenerationOptions(command: Command, lengths: (text: string) => number[]): Command {
  return command
    .option(
      '--length <list>',
      'tokens of prompt and answer together, e.g. 4k,8k,16k (default: the original length and its doublings up to the maximum of the config)',
      lengths,
    )
    .option('--seed <n>', 'of places, keys and numbers', seedNumber, 42)
    .option('--no-bos', 'put no BOS token in front of prompts (default: one if the tokenizer has it)')
    .addOption(
      new Option(
        '--switch <policy>',
        'once: one rotary table, for prompt and answer together; re-prefill: the table of the tokens that are there, all computed anew when it changes',
      )
        .choices(['once', 're-prefill'])
        .default('once'),
    );
}
