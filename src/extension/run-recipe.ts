import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import { type Json, openRunDirectory, type ReportProgress, type RunDirectory, writeFileAtomic } from '../run/index.js';
import type { Recipe, Stage, StageKind, StageOf } from './recipe.js';
import { BASE, referencesOf } from './references.js';
import { hashOutputs, readRecord, recordHash, type StageRecord } from './stage-record.js';

/** One stage to be run; the same call again goes on where an earlier one was cut off. */
export interface StageJob<Kind extends StageKind = StageKind> {
  readonly stage: StageOf<Kind>;
  /** Of this stage alone. */
  readonly folder: string;
  /** The path of what a name stands for: a model folder, a factor file, a file of factor sets. */
  readonly pathOf: (name: string) => string;
  /** The folder of an earlier stage, for a file that has no name of its own. */
  readonly folderOf: (name: string) => string;
  readonly onProgress: ReportProgress;
  readonly signal?: AbortSignal;
}

export interface StageOutcome {
  /** Files it made, below its folder. */
  readonly outputs: readonly string[];
  readonly figures: Json;
}

/** How each kind of stage is done. Must be resumable, and give the same bytes however often it was interrupted. */
export type StageRunners = { readonly [Kind in StageKind]: (job: StageJob<Kind>) => Promise<StageOutcome> };

export interface RecipeRun {
  readonly recipe: Recipe;
  /** Run folder. */
  readonly out: string;
  /** Hashes of what the recipe begins with: `model`, `texts.NAME`, `factors.NAME` and whatever else results depend on. */
  readonly inputs: { readonly [name: string]: string };
  /** One of the inputs that a stage reads, hashed anew. */
  readonly inputNow: (name: string) => Promise<string>;
  readonly runners: StageRunners;
  readonly onProgress?: (stage: number, share: number, detail: string) => void;
  readonly signal?: AbortSignal;
}

/** Where a kind of stage leaves what its name stands for. */
const PRODUCT: Readonly<Record<StageKind, string>> = {
  search: 'factors.json',
  finetune: 'model',
  readjust: 'sets.json',
  evaluate: '.',
  export: '.',
};

/**
 * Runs the stages of a recipe one after another, or the rest of them. A stage is done when its record, with the hashes of its inputs
 * and outputs, is written and journaled; until then it is run again from its own folder, which every stage can resume. So a run
 * that was killed at any moment ends with the same bytes. Throws `UserError`: 'input' with each difference when recipe or inputs are
 * not those the folder was begun with or a finished stage's files were changed; else what a stage throws, with its name.
 */
export async function runRecipe(run: RecipeRun): Promise<StageRecord[]> {
  const { stages } = run.recipe;
  const manifest = {
    format: 'longrope extend 1',
    order: stages.map(({ name }) => name),
    // By name, so that a changed recipe is told key by key.
    stages: Object.fromEntries(stages.map((stage) => [stage.name, stage])),
    // Of the texts themselves the inputs have hashes, whole as they are.
    samples: Object.fromEntries(Object.entries(run.recipe.texts).map(([name, text]) => [name, text.samples ?? 'all'])),
    inputs: run.inputs,
  } as unknown as Json;
  const directory = await openRunDirectory(run.out, manifest);
  try {
    return await runStages(run, directory);
  } finally {
    await directory.close();
  }
}

async function runStages(run: RecipeRun, directory: RunDirectory): Promise<StageRecord[]> {
  const { recipe, signal } = run;
  // An empty journal would let a changed recipe use the folder of one whose first stage is under way.
  if (directory.journal.entries.length === 0) await directory.journal.append([{ type: 'begin' }]);
  const done = new Map<string, string>();
  for (const entry of directory.journal.entries) {
    const { type, stage, record } = entry as { readonly type: string; readonly stage: string; readonly record: string };
    if (type === 'done') done.set(stage, record);
  }
  const folderOf = (name: string) => path.join(run.out, 'stages', name);
  const records: StageRecord[] = [];
  for (const [index, stage] of recipe.stages.entries()) {
    signal?.throwIfAborted();
    const folder = folderOf(stage.name);
    const file = `${folder}.json`;
    const known = done.get(stage.name);
    if (known !== undefined) {
      records.push(await readRecord(file, folder, known));
      continue;
    }
    await mkdir(folder, { recursive: true });
    const outcome = await runStage(run.runners, {
      stage,
      folder,
      folderOf,
      pathOf: (name) => pathOf(recipe, name, folderOf),
      onProgress: (part, total, detail) => run.onProgress?.(index, total > 0 ? Math.min(1, part / total) : 0, detail),
      ...(signal && { signal }),
    });
    const inputs = inputsOf(stage, run, records);
    await refuseChangedInputs(stage, inputs, run);
    const record: StageRecord = {
      format: 'longrope-stage/1',
      name: stage.name,
      stage: stage.stage,
      inputs,
      outputs: await hashOutputs(folder, outcome.outputs),
      figures: outcome.figures as StageRecord['figures'],
    };
    await writeFileAtomic(file, `${JSON.stringify(record, null, 2)}\n`);
    await directory.journal.append([{ type: 'done', stage: stage.name, record: recordHash(record) }]);
    records.push(record);
  }
  return records;
}

/** A problem in a stage says which. */
async function runStage(runners: StageRunners, job: StageJob): Promise<StageOutcome> {
  // Each runner is called with stages of its kind alone.
  const runner = runners[job.stage.stage] as (job: StageJob) => Promise<StageOutcome>;
  try {
    return await runner(job);
  } catch (error) {
    if (!(error instanceof UserError) || error.kind === 'interrupted') throw error;
    const located = error.problems.map((problem) => ({
      ...problem,
      where: `stage ${job.stage.name}, ${problem.where}`,
    }));
    throw new UserError(error.kind, located, { cause: error });
  }
}

/** A run takes days: what a stage has read must still be what the run began with, or its record would be wrong. */
async function refuseChangedInputs(
  { name: stage }: Stage,
  hashes: Readonly<Record<string, string>>,
  { inputs, inputNow }: RecipeRun,
): Promise<void> {
  const problems: Problem[] = [];
  for (const input of Object.keys(hashes).map(inputOf)) {
    const before = inputs[input];
    if (before !== undefined && (await inputNow(input)) !== before)
      problems.push({
        where: `stage ${stage}, ${input}`,
        expected: 'the same from the beginning of the run to its end',
        found: 'changed since',
        fix: 'put back what it was and start the command again, or begin in a new folder',
      });
  }
  if (problems.length > 0) throw new UserError('input', problems);
}

/** The base model is called otherwise among the inputs of a run. */
function inputOf(name: string): string {
  return name === BASE ? 'model' : name;
}

function pathOf(recipe: Recipe, name: string, folderOf: (name: string) => string): string {
  if (name === BASE) return recipe.model;
  const given = recipe.factors[name];
  if (given !== undefined) return given;
  const stage = recipe.stages.find((candidate) => candidate.name === name) as Stage;
  return path.join(folderOf(name), PRODUCT[stage.stage]);
}

function inputsOf(
  stage: Stage,
  { recipe, inputs }: RecipeRun,
  records: readonly StageRecord[],
): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const { name, kinds } of referencesOf(stage)) {
    if (kinds.includes('texts')) hashes[`texts.${name}`] = inputs[`texts.${name}`] as string;
    else if (name === BASE) hashes[BASE] = inputs[inputOf(BASE)] as string;
    else if (name in recipe.factors) hashes[`factors.${name}`] = inputs[`factors.${name}`] as string;
    else hashes[name] = recordHash(records.find((record) => record.name === name) as StageRecord);
  }
  return hashes;
}
