import { Command } from 'commander';
import { depthList, lengthList, positiveInteger } from '../parsers.js';
import { addEvaluationOptions, type EvaluationFlags } from './evaluation-options.js';
import { addGenerationOptions, type GenerationFlags } from './generation-options.js';

export interface NeedleFlags extends EvaluationFlags, GenerationFlags {
  readonly depths: number[];
  readonly needles: number;
  readonly haystack: string;
  readonly trials: number;
}

/** 0, 0.1 ... 1 */
const DEPTHS = Array.from({ length: 11 }, (_, i) => i / 10);

export function needleCommand(): Command {
  const command = new Command('needle')
    .description('Needle in a haystack: a number hidden at every depth of a text of every length.')
    .argument('<model>', 'folder with config.json and safetensors, or a .gguf file')
    .option(
      '--depths <list>',
      'how many, evenly from start to end, e.g. 11; or the depths in percent, e.g. 0,50,100',
      depthList,
      DEPTHS,
    )
    .option(
      '--needles <n>',
      'numbers to find in one text; the further ones follow evenly after the depth',
      positiveInteger,
      1,
    )
    .option(
      '--haystack <text>',
      'sentences (five that repeat), moby-dick, or a text file, folder, .jsonl or .parquet',
      'moby-dick',
    )
    .option('--trials <n>', 'trials per length and depth', positiveInteger, 3);
  return addEvaluationOptions(addGenerationOptions(command, lengthList)).action(
    async (model: string, flags: NeedleFlags) => {
      const { runEvaluateNeedle } = await import('../actions/evaluate-needle.js');
      await runEvaluateNeedle(model, flags);
    },
  );
}
