import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import { HANDOFF_NAME, readHandoff, trainingEngines } from '../export/index.js';
import type { StageJob, StageOf, StageOutcome } from '../extension/index.js';
import { type DecoderSpec, hashModel, loadModel } from '../model/index.js';
import { writeFileAtomic } from '../run/index.js';
import { exportHf } from './export-hf.js';
import { exportTraining } from './export-training.js';
import { exists, holdsModel, modelFiles } from './extend-files.js';
import type { StageContext } from './extend-stages.js';
import { pathsOf, tokenizerOf } from './extend-texts.js';
import { ropeFiles, textFieldOf, trainerSettings } from './extend-training.js';

/** What the trainer does of what a recipe can say, in the words of recipes. */
const HYPERPARAMETERS_NAME = 'hyperparameters.json';

/** Writes the hand-off folder, and takes the checkpoint that was trained from it. */
export async function trainElsewhere(job: StageJob<'finetune'>, context: StageContext): Promise<StageOutcome> {
  const { stage, folder, pathOf, onProgress, signal } = job;
  const handoff = path.join(folder, 'handoff');
  if (!(await isWritten(handoff)))
    await exportTraining({
      model: pathOf(stage.model),
      ...tokenizerOf(context.recipe),
      ...ropeFiles(job),
      engine: stage.engine,
      out: handoff,
      data: pathsOf(context.recipe, stage.texts),
      textField: textFieldOf(context.recipe, stage.texts),
      gpus: stage.gpus,
      rowTokens: stage.hyperparameters.max_seq_length,
      settings: trainerSettings(stage),
      weights: 'copy',
      onProgress,
      ...(signal && { signal }),
    });
  await writeFileAtomic(path.join(folder, HYPERPARAMETERS_NAME), `${JSON.stringify(carriedOut(stage), null, 2)}\n`);
  const checkpoint = context.checkpoints.get(stage.name);
  if (checkpoint === undefined) throw waiting(job, handoff);
  await refuseOtherShape(pathOf(stage.model), checkpoint);
  await refuseUntrained(stage.name, checkpoint, handoff);
  await exportHf({
    model: checkpoint,
    restore: handoff,
    out: path.join(folder, 'model'),
    // What an interrupted start has written is the same.
    force: true,
    weights: 'copy',
    engines: ['transformers'],
    factorSets: [],
    onProgress,
    ...(signal && { signal }),
  });
  return {
    outputs: [`handoff/${HANDOFF_NAME}`, ...(await modelFiles(folder, 'model'))],
    figures: { trained: stage.engine, checkpoint: await hashModel(await loadModel(checkpoint)) },
  };
}

function carriedOut({ engine, hyperparameters }: StageOf<'finetune'>) {
  const { takes, fixed } = trainingEngines[engine].carriesOut;
  return { ...Object.fromEntries(Object.entries(hyperparameters).filter(([key]) => takes.includes(key))), ...fixed };
}

async function isWritten(handoff: string): Promise<boolean> {
  const file = path.join(handoff, HANDOFF_NAME);
  if (!(await exists(file, 'the file of a hand-off'))) return false;
  await readHandoff(file);
  return true;
}

function waiting({ stage }: StageJob<'finetune'>, handoff: string): UserError {
  return new UserError('handoff', {
    where: `--checkpoint ${stage.name}=FOLDER`,
    expected: `the checkpoint that ${stage.engine} trains from ${handoff}, whose README.md says how`,
    found: 'none yet',
    fix: `train there, then run this command again with --checkpoint ${stage.name}=FOLDER`,
  });
}

const SHAPE = [
  'architecture',
  'layers',
  'hiddenSize',
  'heads',
  'keyValueHeads',
  'headDim',
  'intermediateSize',
  'vocabularySize',
] as const satisfies readonly (keyof DecoderSpec)[];

async function refuseOtherShape(model: string, checkpoint: string): Promise<void> {
  const [before, after] = [(await loadModel(model)).spec, (await loadModel(checkpoint)).spec];
  const problems = SHAPE.flatMap((key): Problem[] =>
    before[key] === after[key]
      ? []
      : [{ where: `${checkpoint}: ${key}`, expected: `${before[key]}, as it was handed off`, found: `${after[key]}` }],
  );
  if (problems.length > 0) throw new UserError('input', problems);
}

/** Everything else of the model that was handed off is as it should be, so that nobody would notice. */
async function refuseUntrained(stage: string, checkpoint: string, handoff: string): Promise<void> {
  const folder = path.join(handoff, 'model');
  // Who has taken its weights away can no longer be asked.
  if (!(await holdsModel(folder))) return;
  const [before, after] = [await loadModel(folder), await loadModel(checkpoint)];
  if ((await hashModel({ ...after, configAsRead: before.configAsRead })) !== (await hashModel(before))) return;
  throw new UserError('input', {
    where: `--checkpoint ${stage}=${checkpoint}`,
    expected: 'weights that were trained',
    found: `those that were handed off (${folder})`,
    fix: `give what the trainer leaves; ${path.join(handoff, 'README.md')} says where`,
  });
}
