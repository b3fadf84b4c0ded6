import { Command } from 'commander';
import { nameList, positiveInteger, tokenLength, wholeNumber } from '../parsers.js';
import { addEvaluationOptions, type EvaluationFlags } from './evaluation-options.js';

export interface EvaluateBenchmarkOptions extends EvaluationFlags {
  readonly data: string;
  readonly tasks?: string[];
  readonly shots?: number;
  readonly limit?: number;
  readonly seed?: number;
  readonly maxLength?: number;
}

export function benchmarkCommand(): Command {
  const command = new Command('benchmark')
    .description(
      'ARC-Challenge, HellaSwag, MMLU and TruthfulQA from local files, by the rules of lm-evaluation-harness.',
    )
    .argument('<model>', 'folder with config.json and safetensors, or a .gguf file')
    .requiredOption('--data <folder>', 'folder with the files of the data sets, in folders of their own or not')
    .option(
      '--tasks <list>',
      'arc_challenge, hellaswag, mmlu, mmlu_SUBJECT, truthfulqa, truthfulqa_mc1, truthfulqa_mc2 (default: all found)',
      nameList,
    )
    .option(
      '--shots <n>',
      'solved examples before each question (default: ARC 25, HellaSwag 10, MMLU 5; TruthfulQA has none)',
      wholeNumber,
    )
    .option('--limit <n>', 'only the first n questions of each task', positiveInteger)
    .option('--seed <n>', 'of the draw of the examples (default: 1234)', wholeNumber)
    .option(
      '--max-length <tokens>',
      "cut longer prompts on the left (default: the model's max_position_embeddings)",
      tokenLength,
    );
  return addEvaluationOptions(command).action(async (model: string, options: EvaluateBenchmarkOptions) => {
    const { runEvaluateBenchmark } = await import('../actions/evaluate-benchmark.js');
    await runEvaluateBenchmark(model, options);
  });
}
