import { UserError } from '../errors.js';
import type { Recipe, StageOf } from '../extension/index.js';
import type { DecoderSpec } from '../model/index.js';
import { refuseUndifferentiable } from '../runtime/index.js';
import { checkTrainingMemory } from '../training/index.js';
import { checkBoundaryTokens, checkTrainer } from './export-training.js';
import type { Check, StageInputs } from './extend-check.js';
import { plannedSet, plannedTable } from './extend-planned-table.js';
import { stageSettings, trainerSettings } from './extend-training.js';
import { refuseContradictions } from './finetune-contradictions.js';
import { trainingSize } from './finetune-settings.js';

export function finetuneChecks(
  stage: StageOf<'finetune'>,
  { recipe, spec, model, tokenizer, run }: StageInputs,
): Check[] {
  const settings = stageSettings(stage, { rope: stage.factors });
  const { maxSeqLength: rowTokens } = settings;
  const evaluates = stage.held_out !== undefined;
  const isHere = stage.where === 'here';
  const table: Check = async () => void (await plannedTable(stage, recipe, spec.rope));
  const contradictions: Check = async () =>
    // A hand-off takes any format.
    refuseContradictions(
      settings,
      { spec, model: isHere ? model : null },
      { reach: await reachOf(stage, recipe, spec), rowTokens, evaluates: evaluates || !isHere },
    );
  if (!isHere) {
    const { engine, gpus } = stage;
    return [
      table,
      contradictions,
      () => checkTrainer(engine, { spec, gpus, rowTokens }, trainerSettings(stage)),
      ...(tokenizer === null ? [] : [() => checkBoundaryTokens(engine, tokenizer)]),
    ];
  }
  const size = trainingSize(settings, spec.rope, { rowTokens, evaluates });
  return [
    () => refuseUndifferentiable(spec),
    table,
    contradictions,
    ...(run === null ? [] : [() => checkTrainingMemory(spec, size)]),
  ];
}

/** For how many tokens the RoPE is that a stage trains with; factors that cannot be read are told by another check. */
async function reachOf({ factors }: StageOf<'finetune'>, recipe: Recipe, { rope }: DecoderSpec): Promise<number> {
  try {
    return (await plannedSet(factors, recipe, rope)).set.targetLength ?? rope.originalLength;
  } catch (error) {
    if (error instanceof UserError) return Number.POSITIVE_INFINITY;
    throw error;
  }
}
