import { BASE, type StageOf } from '../extension/index.js';
import { refuseUndifferentiable } from '../runtime/index.js';
import { checkBoundaryTokens, checkTrainer } from './export-training.js';
import type { Check, StageInputs } from './extend-check.js';
import { plannedReach, plannedTable } from './extend-planned-table.js';
import { stageSettings, trainerSettings } from './extend-training.js';
import { refuseContradictions } from './finetune-contradictions.js';

export function finetuneChecks(stage: StageOf<'finetune'>, { recipe, spec, model, tokenizer }: StageInputs): Check[] {
  const settings = stageSettings(stage, { rope: stage.factors });
  const { maxSeqLength: rowTokens } = settings;
  const evaluates = stage.held_out !== undefined;
  const isHere = stage.where === 'here';
  const table: Check = async () => void (await plannedTable(stage, recipe, spec.rope));
  const contradictions: Check = async () => {
    const reach = (await plannedReach(stage.factors, recipe, spec.rope)) ?? Number.POSITIVE_INFINITY;
    // A hand-off takes any format, and what a stage made is a folder.
    const trained = { spec, model: isHere && stage.model === BASE ? model : null };
    refuseContradictions(settings, trained, { reach, rowTokens, evaluates: evaluates || !isHere });
  };
  if (!isHere) {
    const { engine, gpus } = stage;
    return [
      table,
      contradictions,
      () => checkTrainer(engine, { spec, gpus, rowTokens }, trainerSettings(stage)),
      ...(tokenizer === null ? [] : [() => checkBoundaryTokens(engine, tokenizer)]),
    ];
  }
  return [() => refuseUndifferentiable(spec), table, contradictions];
}
