import type { Stage, StageOf } from '../extension/index.js';
import type { DecoderSpec } from '../model/index.js';
import { fittingWorkers } from '../runtime/index.js';
import { checkTrainingMemory } from '../training/index.js';
import type { Check, StageInputs } from './extend-check.js';
import { objectiveTerms } from './extend-search.js';
import { stageSettings } from './extend-training.js';
import { trainingSize } from './finetune-settings.js';
import { longestRow } from './search-objective.js';

/** What an engine that a stage opens is asked at least. */
interface Load {
  readonly maxLength: number;
  readonly cacheTokens?: number;
  readonly gradients?: boolean;
}

/** Of stages that are not done: memory that is short now was enough for those. `available`: bytes, default what is free. */
export function memoryChecks(
  stage: Stage,
  { spec, model, run }: Pick<StageInputs, 'spec' | 'model' | 'run'>,
  available?: number,
): Check[] {
  if (run === null || run.done.has(stage.name)) return [];
  if (stage.stage === 'finetune') {
    if (stage.where === 'elsewhere') return [];
    const { max_seq_length: rowTokens } = stage.hyperparameters;
    const settings = stageSettings(stage, { rope: stage.factors });
    const evaluates = stage.held_out !== undefined;
    const size = trainingSize(settings, spec.rope, { rowTokens, evaluates, threads: run.trainingThreads });
    return [() => checkTrainingMemory(spec, size, available)];
  }
  // What stages train is as large as what they began with.
  return model === null
    ? []
    : loads(stage, spec).map((load) => () => void fittingWorkers(model, { ...load, workers: run.workers }, available));
}

function loads(stage: Exclude<Stage, { stage: 'finetune' }>, { rope }: DecoderSpec): Load[] {
  switch (stage.stage) {
    case 'search':
      return [searchLoad(stage, [stage.target], rope)];
    case 'readjust':
      return [searchLoad(stage, stage.lengths, rope)];
    case 'evaluate': {
      const { perplexity, passkey, ruler } = stage;
      const cached = [passkey, ruler].flatMap((task) => task?.lengths ?? []);
      return [
        ...(perplexity === undefined ? [] : [{ maxLength: Math.max(...perplexity.lengths) }]),
        ...(cached.length === 0 ? [] : [{ maxLength: Math.max(...cached), cacheTokens: Math.max(...cached) }]),
      ];
    }
    case 'export':
      return [];
  }
}

function searchLoad(
  stage: StageOf<'search'> | StageOf<'readjust'>,
  targets: readonly number[],
  rope: DecoderSpec['rope'],
): Load {
  const { lengths, short_limit: shortLimit, held_out: heldOut } = stage.stage === 'search' ? stage : {};
  const { objective } = stage;
  const maxLength = longestRow(
    {
      targetLength: Math.max(...targets),
      heldOut: heldOut === undefined ? [] : [heldOut],
      ...(lengths && { lengths: lengths.map((length) => ({ length, weight: 1 })) }),
      ...(objective && { objective: objectiveTerms(objective) }),
      ...(shortLimit !== undefined && { shortLimit }),
    },
    rope,
  );
  return { maxLength, gradients: stage.algorithm === 'gradient' };
}
