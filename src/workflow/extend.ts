import path from 'node:path';
import { openTokenizer } from '../corpus/index.js';
import { type Problem, UserError } from '../errors.js';
import { type Recipe, runRecipe, type Stage, type StageRecord } from '../extension/index.js';
import { hashModel, loadModel, type Model } from '../model/index.js';
import { chooseGpu } from '../plan/index.js';
import { type ReportProgress, writeFileAtomic } from '../run/index.js';
import type { Device } from '../runtime/index.js';
import { checkStages } from './extend-check.js';
import { plannedCost, plannedWork } from './extend-cost.js';
import { exists, holdsModel } from './extend-files.js';
import { prepareTraining } from './extend-finetune.js';
import { inputNow, recipeInputs } from './extend-inputs.js';
import { type RecipeOverrides, readRecipe } from './extend-recipe.js';
import { stageRunners } from './extend-stages.js';
import { allTexts, type RecipeDocuments } from './extend-texts.js';
import { programVersion } from './version.js';

export interface ExtendJob extends RecipeOverrides {
  /** Path of a recipe, or the name of a shipped one. */
  readonly recipe: string;
  /** Run folder. */
  readonly out: string;
  /** Stage -> folder of the checkpoint that was trained elsewhere. */
  readonly checkpoints: ReadonlyMap<string, string>;
  readonly device?: Device;
  readonly workers?: number;
  readonly threads?: number;
  readonly trainingThreads: number;
  /** The command that reproduces the run. */
  readonly command: string;
  /** `done` of `total` floating-point operations of all stages. */
  readonly onProgress?: ReportProgress;
  readonly signal?: AbortSignal;
}

/** The JSON twin of `extend`, also written to the run folder. */
export interface Extension {
  readonly format: 'longrope-extension/1';
  readonly version: string;
  readonly stages: readonly StageRecord[];
}

export const EXTENSION_NAME = 'extension.json';

/** `longrope extend`: runs the stages of a recipe, or the rest of them. */
export async function extend(job: ExtendJob): Promise<Extension> {
  const recipe = await readRecipe(job.recipe, job);
  const model = await loadModel(recipe.model);
  const tokenizerPath = recipe.tokenizer ?? recipe.model;
  const tokenizer = await openTokenizer(tokenizerPath);
  refuseOtherCheckpoints(recipe, job.checkpoints);
  const texts = await allTexts({ recipe, tokenizer });
  const { trainingThreads } = job;
  const done = await doneStages(recipe, job.out);
  const run = { ...texts, done, trainingThreads, ...(job.workers && { workers: job.workers }) };
  await checkStages({ recipe, spec: model.spec, model, tokenizer, run });
  await prepareTraining(recipe);
  const inputs = await recipeInputs(recipe, model, texts, job);
  const { onProgress, device, workers, threads, signal } = job;
  const flops = recipe.stages.map((stage) => stageFlops(stage, recipe, model, texts));
  const total = flops.reduce((sum, own) => sum + own, 0);
  const stages = await runRecipe({
    recipe,
    out: job.out,
    inputs,
    inputNow: (name) => inputNow(recipe, texts, name),
    runners: stageRunners({
      recipe,
      ...texts,
      tokenizerPath,
      checkpoints: job.checkpoints,
      trainingThreads,
      command: job.command,
      ...(device !== undefined && { device }),
      ...(workers !== undefined && { workers }),
      ...(threads !== undefined && { threads }),
    }),
    checkDone: (record) => checkpointProblems(record, job.checkpoints),
    onProgress: (index, share, detail) => {
      const before = flops.slice(0, index).reduce((sum, own) => sum + own, 0);
      const name = `${index + 1} of ${flops.length}, ${recipe.stages[index]?.name}`;
      onProgress?.(before + share * (flops[index] as number), total, `${name}: ${detail}`);
    },
    ...(signal && { signal }),
  });
  const extension = { format: 'longrope-extension/1', version: programVersion(), stages } as const;
  await writeFileAtomic(path.join(job.out, EXTENSION_NAME), `${JSON.stringify(extension, null, 2)}\n`);
  return extension;
}

/** By their records, which are looked into later. */
async function doneStages({ stages }: Recipe, out: string): Promise<Set<string>> {
  const done = new Set<string>();
  for (const { name } of stages)
    if (await exists(path.join(out, 'stages', `${name}.json`), 'the record of a stage')) done.add(name);
  return done;
}

/** At least something, so that an export has its place in the progress. */
function stageFlops(stage: Stage, recipe: Recipe, { spec: shape }: Model, texts: RecipeDocuments): number {
  const work = plannedWork(stage, recipe, shape, texts);
  return Math.max(1, plannedCost(work, { shape, gpu: chooseGpu({}), speed: null }).flops);
}

function refuseOtherCheckpoints({ stages }: Recipe, checkpoints: ReadonlyMap<string, string>): void {
  const waiting = stages.flatMap((stage) =>
    stage.stage === 'finetune' && stage.where === 'elsewhere' ? stage.name : [],
  );
  const problems = [...checkpoints.keys()].flatMap((name): Problem[] =>
    waiting.includes(name)
      ? []
      : [
          {
            where: `--checkpoint ${name}`,
            expected: `a finetune stage with where: elsewhere (${waiting.join(', ') || 'the recipe has none'})`,
            found: `"${name}"`,
          },
        ],
  );
  if (problems.length > 0) throw new UserError('usage', problems);
}

/** A stage that is done keeps the checkpoint it took, which need not be there any more. */
async function checkpointProblems(
  { name, figures }: StageRecord,
  checkpoints: ReadonlyMap<string, string>,
): Promise<Problem[]> {
  const folder = checkpoints.get(name);
  if (folder === undefined || !(await holdsModel(folder))) return [];
  const { checkpoint } = figures as { readonly checkpoint?: string };
  if (checkpoint === (await hashModel(await loadModel(folder)))) return [];
  return [
    {
      where: `--checkpoint ${name}=${folder}`,
      expected: `the checkpoint that stage ${name} was done with`,
      found: 'another',
      fix: 'leave it out, or start in a new folder',
    },
  ];
}
