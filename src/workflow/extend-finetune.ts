import type { Recipe, StageJob, StageOutcome } from '../extension/index.js';
import { flushDenormals } from '../runtime/index.js';
import { modelFiles } from './extend-files.js';
import { trainElsewhere } from './extend-handoff.js';
import type { StageContext } from './extend-stages.js';
import { pathsOf, tokenizerOf } from './extend-texts.js';
import { ropeFiles, stageSettings, textFieldOf } from './extend-training.js';
import { finetune } from './finetune.js';

/**
 * Before any stage of a recipe that trains here. Training begins a process when a run is resumed, and comes after searches in one that
 * was not cut off: without this the steps of the two would differ in numbers below 1e-38.
 */
export async function prepareTraining({ stages }: Recipe): Promise<void> {
  if (stages.some((stage) => stage.stage === 'finetune' && stage.where === 'here')) await flushDenormals();
}

export function finetuneStage(job: StageJob<'finetune'>, context: StageContext): Promise<StageOutcome> {
  return job.stage.where === 'here' ? trainHere(job, context) : trainElsewhere(job, context);
}

async function trainHere(job: StageJob<'finetune'>, context: StageContext): Promise<StageOutcome> {
  const { stage, folder, pathOf, onProgress, signal } = job;
  const { recipe, trainingThreads, command } = context;
  const { held_out: heldOut } = stage;
  const fieldOf = (text: string) => textFieldOf(recipe, text);
  const result = await finetune({
    ...stageSettings(stage, ropeFiles(job)),
    model: pathOf(stage.model),
    ...tokenizerOf(recipe),
    texts: pathsOf(recipe, stage.texts),
    heldOut: heldOut === undefined ? [] : pathsOf(recipe, heldOut),
    textField: fieldOf(stage.texts),
    ...(heldOut !== undefined && { heldOutTextField: fieldOf(heldOut) }),
    out: folder,
    threads: trainingThreads,
    command,
    onStep: ({ step, loss, maxSteps }) => onProgress(step, maxSteps, `step ${step}, loss ${loss.toFixed(4)}`),
    ...(signal && { signal }),
  });
  const { steps, tokens, log, evaluations } = result;
  return {
    outputs: await modelFiles(folder, 'model'),
    figures: {
      steps,
      tokens,
      loss: log.at(-1)?.loss ?? null,
      evaluations: evaluations.map(({ step, eval_length: length, eval_perplexity: perplexity }) => ({
        step,
        length,
        perplexity,
      })),
    },
  };
}
