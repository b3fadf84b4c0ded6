import { Command, Option } from 'commander';
import {
  collect,
  depthList,
  durationSeconds,
  lengthList,
  numberList,
  percentage,
  positiveInteger,
  positiveNumber,
  tokenLength,
  wholeNumber,
  wholeNumberList,
} from '../parsers.js';
import { type DeviceName, deviceOption } from './device-option.js';

export interface SearchFlags {
  readonly text?: string[];
  readonly objectiveCommand?: string;
  readonly objectiveTimeout?: number;
  readonly heldOut?: string[];
  readonly target: number;
  readonly length?: number[];
  readonly lengthWeights?: number[];
  readonly objective?: string;
  readonly needleDepths?: number[];
  readonly judge?: string;
  readonly shortLimit?: number;
  readonly startTokens?: number[];
  readonly over?: string;
  readonly start?: string[];
  readonly curriculum?: number[];
  readonly maxFactor?: number;
  readonly pull?: number;
  readonly racing?: string | true;
  readonly algorithm: string;
  readonly hyperParams?: string;
  readonly budget: string;
  readonly seed: number;
  readonly out: string;
  readonly samples?: number;
  readonly heldOutSamples?: number;
  readonly skipCharacters: number;
  readonly textField: string;
  readonly tokenizer?: string;
  readonly device: DeviceName;
  readonly workers?: number;
  readonly threads?: number;
  readonly json?: true;
}

export function searchCommand(): Command {
  return new Command('search')
    .description('Search rescale factors for a longer context; the same command resumes a run that was cut off.')
    .argument('<model>', 'folder with config.json and safetensors, or a .gguf file')
    .requiredOption('--target <tokens>', 'context to reach, e.g. 2048 or 32k', tokenLength)
    .requiredOption('--out <folder>', 'run folder')
    .option('--text <path>', 'texts to search on: files, folders, .jsonl, .parquet, data sets; repeatable', collect)
    .option(
      '--objective-command <command>',
      'in place of --text: a program that scores factors (docs/outside-objective.md); the model may be its config.json alone',
    )
    .option(
      '--objective-timeout <time>',
      'for one answer of --objective-command, e.g. 90s, 10min (default) or 2h',
      durationSeconds,
    )
    .option('--held-out <path>', 'texts on which winner and closed forms are compared; repeatable', collect)
    .option(
      '--length <tokens>',
      'minimise the mean loss at these lengths, e.g. 2048,512 (default: the target)',
      lengthList,
    )
    .option('--length-weights <numbers>', 'weights of --length in the mean, e.g. 2,1 (default: equal)', numberList)
    .option(
      '--objective <measures>',
      'what is minimised, with weights: perplexity, needle, longppl; e.g. perplexity:1,needle:0.5 (default: perplexity)',
    )
    .option(
      '--needle-depths <list>',
      'where needles are hidden, documents in turn: a number of depths, or percent such as 0,50,100 or 0% (default: 5)',
      depthList,
    )
    .option('--judge <model>', 'marks the key tokens of longppl (default: the model at its original length)')
    .option(
      '--short-limit <percent>',
      'largest rise of perplexity at the original length over the model as it is, e.g. 1%',
      percentage,
    )
    .option(
      '--start-tokens <list>',
      'first positions that stay unscaled: one number, or several to choose from, e.g. 0,4,16',
      wholeNumberList,
    )
    .option(
      '--over <factors>',
      'second interpolation: search what to multiply these factors by, which stay as they are',
    )
    .option('--start <factors>', 'a factor file to start from, stretched if it is for less; repeatable', collect)
    .option(
      '--curriculum <tokens>',
      'shorter targets to search before, e.g. 2k,8k, each the start of the next, or none (default: as auto says); they share the budget equally',
      (text) => (text === 'none' ? [] : lengthList(text)),
    )
    .option(
      '--max-factor <n>',
      'largest factor (default: 1.25 s); with it --target may be the original length',
      positiveNumber,
    )
    .option('--pull <weight>', 'pull factors towards 1: adds weight times the mean of (ln factor)^2', positiveNumber)
    .addOption(
      new Option('--algorithm <name>', 'docs/search.md compares them')
        .choices(['auto', 'gradient', 'cma-es', 'longrope', 'longrope2', 'dim-mono', 'dim-piece-mono', 'random'])
        .default('auto'),
    )
    .option('--hyper-params <file>', 'JSON with the released key names (dim-mono) or those of docs/search.md')
    .option(
      '--racing [settings]',
      'drop candidates that fall behind, e.g. block=2,level=0.05,test=t,cap=0.25 (the defaults)',
    )
    .option('--budget <amount>', 'e.g. 700evals (a candidate on a document), 2Mtokens, 30min', '700evals')
    .option('--seed <n>', 'equal seeds give equal results', wholeNumber, 1)
    .option('--samples <n>', 'documents to search on: the first n that are long enough (default 5)', positiveInteger)
    .option('--held-out-samples <n>', 'documents to hold out (default: all that are long enough)', positiveInteger)
    .option('--skip-characters <n>', 'start every document after this many characters', wholeNumber, 0)
    .option('--text-field <name>', 'column of JSONL and Parquet', 'text')
    .option('--tokenizer <path>', "another tokenizer than the model's own")
    .addOption(deviceOption())
    .option('--workers <n>', 'evaluations at the same time (default: what cores and memory allow)', positiveInteger)
    .option('--threads <n>', 'threads of one evaluation (default: cores / workers)', positiveInteger)
    .option('--json', 'print the report as JSON')
    .action(async (model: string, flags: SearchFlags, command: Command) => {
      const given = (name: string) => command.getOptionValueSource(name) === 'cli';
      if (flags.objectiveCommand === undefined) {
        const { runSearchCommand } = await import('../actions/search.js');
        await runSearchCommand(model, flags);
      } else {
        const { runOutsideSearchCommand } = await import('../actions/search-outside.js');
        await runOutsideSearchCommand(
          model,
          flags,
          command.options.filter((option) => given(option.attributeName())),
        );
      }
    });
}
