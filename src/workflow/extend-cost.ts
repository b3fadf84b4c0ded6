import type { Recipe, Stage, StageWork } from '../extension/index.js';
import { stageWork } from '../extension/index.js';
import type { DecoderSpec } from '../model/index.js';
import { FORWARD_PASSES, type WorkCost, workCost } from '../plan/index.js';
import { documentsOf, type RecipeDocuments, textNeeds } from './extend-texts.js';

/** What a stage will compute; `texts` null: a dry run, which reads none. */
export function plannedWork(
  stage: Stage,
  recipe: Recipe,
  { rope: { originalLength } }: Pick<DecoderSpec, 'rope'>,
  texts: RecipeDocuments | null,
): StageWork {
  return stageWork(stage, recipe, {
    originalLength,
    heldOutDocuments: (finetune) => {
      const need = textNeeds(finetune, originalLength).find(({ name }) => name === finetune.held_out);
      return texts === null || need === undefined
        ? 1
        : documentsOf({ recipe, ...texts }, need.name, need.length).length;
    },
  });
}

/** With everything that it measures beside. */
export function plannedCost({ work, measured, passes }: StageWork, how: Parameters<typeof workCost>[2]): WorkCost {
  const [own, beside] = [workCost(work, passes, how), workCost(measured, FORWARD_PASSES, how)];
  return {
    tokens: own.tokens + beside.tokens,
    flops: own.flops + beside.flops,
    machineSeconds:
      own.machineSeconds === null || beside.machineSeconds === null ? null : own.machineSeconds + beside.machineSeconds,
    gpuSeconds: own.gpuSeconds + beside.gpuSeconds,
  };
}
