import type { Tokenizer } from '../corpus/index.js';
import { type Problem, UserError } from '../errors.js';
import type { Recipe, Stage, StageOf } from '../extension/index.js';
import type { DecoderSpec, Model } from '../model/index.js';
import { readFactors } from './export-rope.js';
import { evaluateChecks } from './extend-check-evaluate.js';
import { exportChecks } from './extend-check-export.js';
import { finetuneChecks } from './extend-check-finetune.js';
import { memoryChecks } from './extend-check-memory.js';
import { longSetChecks, searchChecks } from './extend-check-search.js';
import { documentsOf, type RecipeDocuments, stageTokens, textNeeds } from './extend-texts.js';
import { refuseSharedTexts } from './held-out-texts.js';
import { checkTokens, checkVocabulary } from './vocabulary.js';

export interface StageInputs {
  readonly recipe: Recipe;
  readonly spec: DecoderSpec;
  /** null: there is a config.json alone, or a model that this program cannot run. */
  readonly model: Model | null;
  /** null: a dry run of a model without. */
  readonly tokenizer: Tokenizer | null;
  /** null: a dry run, which does not look at texts and at the memory of this machine. */
  readonly run: RecipeStart | null;
}

/** What is known of a run that is about to begin or to go on. */
export interface RecipeStart extends RecipeDocuments {
  /** Names of stages. */
  readonly done: ReadonlySet<string>;
  /** Evaluations at a time, where that is asked for. */
  readonly workers?: number;
  /** Of a fine-tuning. */
  readonly trainingThreads: number;
}

/** What stages would refuse at their start, hours after the recipe's, and factor files that cannot be read; all at once. */
export async function checkStages(inputs: StageInputs): Promise<void> {
  const { recipe, spec, tokenizer, run } = inputs;
  const problems: Problem[] = [];
  const { tokenizer: given } = recipe;
  if (tokenizer !== null && given !== undefined)
    problems.push(...(await problemsOf(() => checkVocabulary(given, tokenizer, spec))));
  const around = [tokenizer?.bosTokenId ?? null, tokenizer?.eosTokenId ?? null];
  if (given === undefined && run !== null)
    problems.push(...(await problemsOf(() => checkTokens([...run.documents.values()].flat(), around, spec))));
  for (const [name, file] of Object.entries(recipe.factors))
    problems.push(...(await problemsOf(async () => void (await readFactors(file, spec.rope, `factors ${name}:`)))));
  for (const stage of recipe.stages)
    for (const check of checksOf(stage, inputs))
      for (const problem of await problemsOf(check))
        problems.push({ ...problem, where: `stage ${stage.name}, ${problem.where}` });
  if (problems.length > 0) throw new UserError('input', problems);
}

/** Throws a `UserError` where something is wrong. */
export type Check = () => Promise<void> | void;

async function problemsOf(check: Check): Promise<readonly Problem[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.problems;
  }
}

function checksOf(stage: Stage, inputs: StageInputs): Check[] {
  return [
    ...ownChecks(stage, inputs),
    ...memoryChecks(stage, inputs),
    ...(inputs.run === null ? [] : textChecks(stage, inputs, inputs.run)),
  ];
}

function ownChecks(stage: Stage, inputs: StageInputs): Check[] {
  const { recipe, spec, tokenizer, run } = inputs;
  switch (stage.stage) {
    case 'search':
      return searchChecks(stage, [stage.target], recipe, spec);
    case 'readjust':
      return [...searchChecks(stage, stage.lengths, recipe, spec), ...longSetChecks(stage, recipe, spec)];
    case 'finetune':
      return finetuneChecks(stage, inputs);
    case 'evaluate':
      return evaluateChecks(stage, spec, { tokenizer, allRows: run !== null });
    case 'export':
      return exportChecks(stage, inputs);
  }
}

function textChecks(
  stage: Stage,
  { recipe, spec }: Pick<StageInputs, 'recipe' | 'spec'>,
  texts: RecipeDocuments,
): Check[] {
  const { originalLength } = spec.rope;
  const enough = textNeeds(stage, originalLength).map(
    ({ name, length }) =>
      () =>
        void documentsOf({ recipe, ...texts }, name, length),
  );
  return stage.stage === 'search'
    ? [...enough, () => refuseShared(stage, { recipe, ...texts }, originalLength)]
    : enough;
}

function refuseShared(
  stage: StageOf<'search'>,
  texts: RecipeDocuments & Pick<StageInputs, 'recipe'>,
  originalLength: number,
): void {
  const { texts: name, held_out: held, target, lengths = [target] } = stage;
  if (held === undefined) return;
  // Too few documents are told above.
  const read = (of: string, length: number) => {
    try {
      return documentsOf(texts, of, length);
    } catch (error) {
      if (error instanceof UserError) return [];
      throw error;
    }
  };
  refuseSharedTexts({
    documents: read(name, stageTokens(stage, originalLength)),
    heldOut: read(held, target),
    targetLength: target,
    lengths: lengths.map((length) => ({ length, weight: 1 })),
    tokenizer: texts.tokenizer,
    textName: `${name}, ${held}`,
  });
}
