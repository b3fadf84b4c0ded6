import { Command, Option } from 'commander';
import { collectOf, lengthList, positiveInteger, tokenLength } from '../parsers.js';

export interface VerifyFlags {
  readonly rope?: string;
  readonly short?: string;
  readonly target?: number;
  readonly length?: readonly number[];
  readonly text: string;
  readonly engine: readonly ('llama.cpp' | 'transformers')[];
  readonly chunk: number;
  readonly python?: string;
  readonly script?: string;
  readonly output?: string;
  readonly json?: true;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'Prove an export: recompute the tables that engines build from it, and run the engines that are installed against our own forward pass.',
    )
    .argument('<exported>', 'folder of export hf, or .gguf file')
    .option('--rope <factors>', 'what it has to carry, as given to export (default, and model: what it says itself)')
    .option('--short <file>', 'the same for lengths up to the original one')
    .option('--target <tokens>', 'length the factors are for, if their file does not say', tokenLength)
    .option('--length <list>', 'lengths to run (default: around the original length, and the target)', lengthList)
    .option(
      '--text <path>',
      'moby-dick (comes with the program) or a text file of at least the target length',
      'moby-dick',
    )
    .addOption(
      new Option('--engine <name>', 'llama.cpp or transformers, which has to run then; repeatable')
        .argParser(collectOf(['llama.cpp', 'transformers']))
        .default([], 'those that are installed'),
    )
    .option('--chunk <tokens>', 'tokens of one step where a text is read in steps', positiveInteger, 128)
    .option('--python <path>', 'interpreter with torch and transformers (default: python3, python)')
    .option('--script <file>', 'write a Python program that makes the comparison with transformers anywhere')
    .option('--output <file>', 'write the result as JSON to a file as well')
    .option('--json', 'print the result as JSON')
    .action(async (exported: string, flags: VerifyFlags) => {
      const { runVerify } = await import('../actions/verify.js');
      await runVerify(exported, flags);
    });
}
