import { type Problem, UserError } from '../errors.js';
import type { Recipe, Stage, StageOf } from '../extension/index.js';
import { type DecoderSpec, decoderTensors } from '../model/index.js';
import { createAlgorithm } from '../search/index.js';
import { loraOptions } from './extend-finetune.js';
import { loraProblems } from './lora-settings.js';
import { searchSpace } from './search-space.js';

/** What stages would refuse at their start, hours after the recipe's; of all stages at once. */
export async function checkStages({ stages }: Recipe, spec: DecoderSpec): Promise<void> {
  const problems = await Promise.all(
    stages.map(async (stage) => {
      const found = await stageProblems(stage, spec);
      return found.map((problem) => ({ ...problem, where: `stage ${stage.name}, ${problem.where}` }));
    }),
  );
  if (problems.flat().length > 0) throw new UserError('input', problems.flat());
}

async function stageProblems(stage: Stage, spec: DecoderSpec): Promise<readonly Problem[]> {
  switch (stage.stage) {
    case 'search':
      return searchProblems(stage, [stage.target], spec);
    case 'readjust':
      return searchProblems(stage, stage.lengths, spec);
    case 'finetune':
      return stage.where === 'here'
        ? loraProblems({ ...loraOptions(stage), fromScratch: false }, decoderTensors(spec))
        : [];
    default:
      return [];
  }
}

async function searchProblems(
  { max_factor: maxFactor, algorithm, hyperparameters, seed }: StageOf<'search'> | StageOf<'readjust'>,
  targets: readonly number[],
  spec: DecoderSpec,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const targetLength of targets) {
    try {
      const { problem } = await searchSpace({ spec }, { targetLength, ...(maxFactor !== undefined && { maxFactor }) });
      createAlgorithm(algorithm, problem, hyperparameters, seed);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(...error.problems);
    }
  }
  return problems;
}
