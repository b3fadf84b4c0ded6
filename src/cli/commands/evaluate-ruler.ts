import { Command } from 'commander';
import { lengthList, positiveInteger, positiveNumber, wordList } from '../parsers.js';
import { addEvaluationOptions, type EvaluationFlags } from './evaluation-options.js';
import { addGenerationOptions, type GenerationFlags } from './generation-options.js';

export interface RulerFlags extends EvaluationFlags, GenerationFlags {
  readonly tasks?: string[];
  readonly samples: number;
  readonly haystack: string;
  readonly threshold: number;
}

export function rulerCommand(): Command {
  const command = new Command('ruler')
    .description("RULER's synthetic tasks at any length, and the effective length that follows.")
    .argument('<model>', 'folder with config.json and safetensors, or a .gguf file')
    .option(
      '--tasks <list>',
      'niah_single_1 to _3, niah_multikey_1 to _3, niah_multivalue, niah_multiquery, vt, cwe, fwe (default: all)',
      wordList,
    )
    .option('--samples <n>', 'samples per task and length', positiveInteger, 20)
    .option(
      '--haystack <text>',
      "in place of RULER's essays and word lists: moby-dick, sentences, or a text file, folder, .jsonl or .parquet",
      'moby-dick',
    )
    .option('--threshold <score>', 'average that a length must reach to count as effective', positiveNumber, 85.6);
  return addEvaluationOptions(addGenerationOptions(command, lengthList)).action(
    async (model: string, flags: RulerFlags) => {
      const { runEvaluateRuler } = await import('../actions/evaluate-ruler.js');
      await runEvaluateRuler(model, flags);
    },
  );
}
