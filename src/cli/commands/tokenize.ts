import { Command } from 'commander';
import { positiveInteger, wholeNumber } from '../parsers.js';

export interface TokenizeFlags {
  readonly tokenizer: string;
  readonly out: string;
  readonly textField: string;
  readonly minTokens?: number;
  readonly skipCharacters: number;
  readonly json?: true;
}

export function tokenizeCommand(): Command {
  return new Command('tokenize')
    .description('Tokenise text, JSONL, Parquet or folders into a data set that Python datasets.load_from_disk reads.')
    .argument('<input...>', 'text files, folders, .jsonl or .parquet')
    .requiredOption('--tokenizer <model>', 'model folder, tokenizer.json or .gguf file')
    .requiredOption('--out <folder>', 'data set to write')
    .option('--text-field <name>', 'column of JSONL and Parquet', 'text')
    .option('--min-tokens <n>', 'leave out shorter documents', positiveInteger)
    .option('--skip-characters <n>', 'start every document after this many characters', wholeNumber, 0)
    .option('--json', 'print the result as JSON')
    .action(async (inputs: string[], flags: TokenizeFlags) => {
      const { runTokenize } = await import('../actions/tokenize.js');
      await runTokenize(inputs, flags);
    });
}
