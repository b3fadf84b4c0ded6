import { type Problem, UserError } from '../errors.js';
import type { Json } from '../run/index.js';
import type { Recipe, Stage } from './recipe.js';
import { BASE, referencesOf } from './references.js';
import { recordHash, type StageRecord } from './stage-record.js';

/**
 * Hashes of what the recipe begins with: `model`, `tokenizer`, `texts.NAME`, `factors.NAME` and whatever else results depend on,
 * `specialTokens`, `threads` of fine-tunings.
 */
export type RecipeInputs = Readonly<Record<string, string>>;

/** What the result of a stage follows from. */
export type StageIdentity = {
  readonly settings: Json;
  readonly inputs: Readonly<Record<string, string>>;
};

/** `records`: of all stages above. */
export function stageIdentity(
  stage: Stage,
  recipe: Recipe,
  inputs: RecipeInputs,
  records: readonly StageRecord[],
): StageIdentity {
  return { settings: settingsOf(stage, recipe, inputs), inputs: inputsOf(stage, recipe, inputs, records) };
}

/** A stage as the recipe has it, how many documents of each text it reads, and the threads where last bits depend on them. */
function settingsOf(stage: Stage, { texts }: Recipe, { threads }: RecipeInputs): Json {
  const samples = Object.fromEntries(
    referencesOf(stage).flatMap(({ name, kinds }) =>
      kinds.includes('texts') ? [[name, texts[name]?.samples ?? 'all']] : [],
    ),
  );
  // Through JSON, as the journal has it: without keys that are undefined.
  const trains = stage.stage === 'finetune' && stage.where === 'here';
  return JSON.parse(JSON.stringify({ ...stage, samples, ...(trains && { threads }) })) as Json;
}

/** What earlier versions let recipes say of a training here that nothing came of: runs that began with it go on without it. */
export function withoutIdle(identity: Json): Json {
  const { settings, ...rest } = identity as { readonly settings: { readonly [key: string]: Json } };
  if (settings['stage'] !== 'finetune' || settings['where'] !== 'here') return identity;
  const { engine: _engine, gpus: _gpus, hyperparameters, ...said } = settings;
  const { muon_momentum: momentum, ...others } = hyperparameters as { readonly [key: string]: Json };
  const kept = others['optim'] === 'muon' && momentum !== undefined ? { ...others, muon_momentum: momentum } : others;
  return { ...rest, settings: { ...said, hyperparameters: kept } };
}

function inputsOf(
  stage: Stage,
  recipe: Recipe,
  inputs: RecipeInputs,
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

/** A run takes days: what a stage has read must still be what the run began with, or its record would be wrong. */
export async function refuseChangedInputs(
  { name: stage }: Stage,
  hashes: StageIdentity['inputs'],
  { inputs, inputNow }: { readonly inputs: RecipeInputs; readonly inputNow: (name: string) => Promise<string> },
): Promise<void> {
  const problems: Problem[] = [];
  // The others are what earlier stages made, which their records answer for.
  const given = Object.keys(hashes).filter((name) => name === BASE || isNamed(name));
  const shared = ['tokenizer', 'specialTokens'].filter((name) => name in inputs);
  for (const input of [...given.map(inputOf), ...shared]) {
    if ((await inputNow(input)) !== inputs[input])
      problems.push({
        where: `stage ${stage}, ${input}`,
        expected: 'the same from the beginning of the run to its end',
        found: 'changed since',
        fix: 'put back what it was and start the command again, or begin in a new folder',
      });
  }
  if (problems.length > 0) throw new UserError('input', problems);
}

/** Whether an input matters to some stages alone. */
export function isOfStages(input: string): boolean {
  return isNamed(input) || input === 'threads';
}

function isNamed(input: string): boolean {
  return /^(texts|factors)\./.test(input);
}

/** The base model is called otherwise among the inputs of a run. */
function inputOf(name: string): string {
  return name === BASE ? 'model' : name;
}
