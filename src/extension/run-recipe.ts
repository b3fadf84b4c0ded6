import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import {
  differences,
  errnoOf,
  fileError,
  type Json,
  openRunDirectory,
  type ReportProgress,
  type RunDirectory,
  sweepTemporary,
  writeFileAtomic,
} from '../run/index.js';
import { begunInputs, SAID_SINCE } from './older-runs.js';
import type { Recipe, Stage, StageKind, StageOf } from './recipe.js';
import { BASE } from './references.js';
import { isOfStages, type RecipeInputs, refuseChangedInputs, stageIdentity, withoutIdle } from './stage-identity.js';
import { checkOutputs, hashOutputs, readRecord, recordHash, type StageRecord } from './stage-record.js';

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
  readonly inputs: RecipeInputs;
  /** One of the inputs that a stage reads, hashed anew. */
  readonly inputNow: (name: string) => Promise<string>;
  readonly runners: StageRunners;
  /** What is wrong with what a stage that is done is given now; asked before any other stage goes on. */
  readonly checkDone?: (record: StageRecord) => Promise<readonly Problem[]>;
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
 * Runs the stages of a recipe one after another, or the rest of them. A stage is done when its record, with its settings and the hashes
 * of its inputs and outputs, is written and journaled; until then it is run again from its own folder, which every stage can resume. So
 * a run that was killed at any moment ends with the same bytes. Stages that have not begun may be changed, added and left out. Throws
 * `UserError`: 'input' with each difference when those that have begun are not what they were or files of a finished one were changed;
 * else what a stage throws, with its name.
 */
export async function runRecipe(run: RecipeRun): Promise<StageRecord[]> {
  const begun = await begunInputs(run.out);
  const isSaid = (name: string) => begun === null || begun.has(name) || !SAID_SINCE.includes(name);
  const shared = Object.entries(run.inputs).filter(([name]) => !isOfStages(name) && isSaid(name));
  const directory = await openRunDirectory(run.out, {
    format: 'longrope extend 2',
    inputs: Object.fromEntries(shared),
  });
  try {
    return await runStages(run, directory);
  } finally {
    await directory.close();
  }
}

async function runStages(run: RecipeRun, directory: RunDirectory): Promise<StageRecord[]> {
  const { recipe, signal } = run;
  const { begun, done } = readJournal(directory.journal.entries);
  const folderOf = (name: string) => path.join(run.out, 'stages', name);
  const records: StageRecord[] = [];
  const problems: Problem[] = [];
  for (const { name } of recipe.stages) {
    const known = done.get(name);
    if (known !== undefined && run.checkDone !== undefined)
      problems.push(...(await run.checkDone(await readRecord(`${folderOf(name)}.json`, known))));
  }
  if (problems.length > 0) throw new UserError('input', problems);
  for (const [index, stage] of recipe.stages.entries()) {
    signal?.throwIfAborted();
    const folder = folderOf(stage.name);
    const file = `${folder}.json`;
    const identity = stageIdentity(stage, recipe, run.inputs, records);
    const known = done.get(stage.name);
    if (known !== undefined) {
      const record = await readRecord(file, known);
      await checkOutputs(record, folder);
      const { settings, inputs } = record;
      problems.push(
        ...differences(withoutIdle({ settings, inputs }), withoutIdle(identity), file).map((problem) => ({
          ...problem,
          fix: ANEW,
        })),
      );
      records.push(record);
      continue;
    }
    const before = begun.get(stage.name);
    const fix = `put it back, or remove ${folder} to begin this stage anew`;
    const changed =
      before === undefined ? [] : differences(withoutIdle(before), withoutIdle(identity), `stage ${stage.name}`);
    if (!(await isSweptEmpty(folder))) problems.push(...changed.map((problem) => ({ ...problem, fix })));
    if (problems.length > 0) throw new UserError('input', problems);
    await mkdir(folder, { recursive: true });
    if (before === undefined || changed.length > 0)
      await directory.journal.append([{ type: 'begin', stage: stage.name, ...identity }]);
    const outcome = await runStage(run.runners, {
      stage,
      folder,
      folderOf,
      pathOf: (name) => pathOf(recipe, name, folderOf),
      onProgress: (part, total, detail) => run.onProgress?.(index, total > 0 ? Math.min(1, part / total) : 0, detail),
      ...(signal && { signal }),
    });
    await refuseChangedInputs(stage, identity.inputs, run);
    const record: StageRecord = {
      format: 'longrope-stage/2',
      name: stage.name,
      stage: stage.stage,
      settings: identity.settings as StageRecord['settings'],
      inputs: identity.inputs,
      outputs: await hashOutputs(folder, outcome.outputs),
      figures: outcome.figures as StageRecord['figures'],
    };
    await writeFileAtomic(file, `${JSON.stringify(record, null, 2)}\n`);
    await directory.journal.append([{ type: 'done', stage: stage.name, record: recordHash(record) }]);
    records.push(record);
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return records;
}

const ANEW = 'put it back, give the stage another name, or start in a new folder';

/** What each stage was begun with last, and the hash of its record where it is done. */
function readJournal(entries: readonly Json[]) {
  const begun = new Map<string, Json>();
  const done = new Map<string, string>();
  for (const entry of entries as readonly { readonly [key: string]: Json }[]) {
    const { type, stage, record, ...identity } = entry;
    if (type === 'begin') begun.set(stage as string, identity);
    else done.set(stage as string, record as string);
  }
  return { begun, done };
}

/** Without what an export that was killed has left, which can be a copy of all weights. */
async function isSweptEmpty(folder: string): Promise<boolean> {
  try {
    await sweepTemporary(folder, await readdir(folder));
    return (await readdir(folder)).length === 0;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    throw fileError(folder, 'the folder of a stage', error);
  }
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

function pathOf(recipe: Recipe, name: string, folderOf: (name: string) => string): string {
  if (name === BASE) return recipe.model;
  const given = recipe.factors[name];
  if (given !== undefined) return given;
  const stage = recipe.stages.find((candidate) => candidate.name === name) as Stage;
  return path.join(folderOf(name), PRODUCT[stage.stage]);
}
