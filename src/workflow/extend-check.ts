import { type Problem, UserError } from '../errors.js';
import { isClosedForm, type Recipe, type Stage, type StageOf } from '../extension/index.js';
import type { DecoderSpec, Model } from '../model/index.js';
import { refuseUndifferentiable } from '../runtime/index.js';
import { unscaledCandidate } from '../search/index.js';
import { checkTrainingMemory } from '../training/index.js';
import { exportTable, readFactors } from './export-rope.js';
import { stageSettings } from './extend-finetune.js';
import { documentsOf, type RecipeDocuments, textNeeds } from './extend-texts.js';
import { refuseContradictions } from './finetune-contradictions.js';
import { trainingSize } from './finetune-settings.js';
import { refuseSharedTexts } from './held-out-texts.js';
import { searchAlgorithm } from './search-run.js';
import { type SearchSpace, searchSpace } from './search-space.js';

export interface StageInputs {
  readonly recipe: Recipe;
  readonly spec: DecoderSpec;
  /** null: there is a config.json alone, or a model that this program cannot run. */
  readonly model: Model | null;
  /** null: a dry run, which does not look at texts and at the memory of this machine. */
  readonly run: RecipeDocuments | null;
}

/** What stages would refuse at their start, hours after the recipe's, and factor files that cannot be read; all at once. */
export async function checkStages(inputs: StageInputs): Promise<void> {
  const { recipe, spec } = inputs;
  const problems: Problem[] = [];
  for (const [name, file] of Object.entries(recipe.factors))
    problems.push(...(await problemsOf(async () => void (await readFactors(file, spec.rope, `factors ${name}:`)))));
  for (const stage of recipe.stages)
    for (const check of checksOf(stage, inputs))
      for (const problem of await problemsOf(check))
        problems.push({ ...problem, where: `stage ${stage.name}, ${problem.where}` });
  if (problems.length > 0) throw new UserError('input', problems);
}

/** Throws a `UserError` where something is wrong. */
type Check = () => Promise<void> | void;

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
  return [...ownChecks(stage, inputs), ...(inputs.run === null ? [] : textChecks(stage, inputs.recipe, inputs.run))];
}

function ownChecks(stage: Stage, { recipe, spec, model, run }: StageInputs): Check[] {
  switch (stage.stage) {
    case 'search':
      return searchChecks(stage, [stage.target], recipe, spec);
    case 'readjust':
      return searchChecks(stage, stage.lengths, recipe, spec);
    case 'finetune': {
      const settings = stageSettings(stage, { rope: stage.factors });
      const { maxSeqLength: rowTokens } = settings;
      const evaluates = stage.held_out !== undefined;
      const isHere = stage.where === 'here';
      const contradictions: Check = async () =>
        // A hand-off takes any format.
        refuseContradictions(
          settings,
          { spec, model: isHere ? model : null },
          { reach: await reachOf(stage, recipe, spec), rowTokens, evaluates: evaluates || !isHere },
        );
      if (!isHere) return [contradictions];
      const size = trainingSize(settings, spec.rope, { rowTokens, evaluates });
      return [
        () => refuseUndifferentiable(spec),
        contradictions,
        ...(run === null ? [] : [() => checkTrainingMemory(spec, size)]),
      ];
    }
    default:
      return [];
  }
}

/** For how many tokens the RoPE is that a stage trains with. */
async function reachOf({ factors }: StageOf<'finetune'>, recipe: Recipe, { rope }: DecoderSpec): Promise<number> {
  const search = recipe.stages.find(({ name }) => name === factors);
  if (search?.stage === 'search') return search.target;
  const table = await exportTable({ rope: isClosedForm(factors) ? factors : recipe.factors[factors]! }, rope);
  return table?.targetLength ?? rope.originalLength;
}

function searchChecks(
  stage: StageOf<'search'> | StageOf<'readjust'>,
  targets: readonly number[],
  recipe: Recipe,
  spec: DecoderSpec,
): Check[] {
  const ofTargets = targets.map((targetLength) => async () => {
    searchAlgorithm(stage, await plannedSpace(stage, targetLength, recipe, spec));
  });
  return stage.algorithm === 'gradient' ? [() => refuseUndifferentiable(spec), ...ofTargets] : ofTargets;
}

/** The space of a search as far as it is known before the stages above it have run: of factors that they make, what they are for. */
async function plannedSpace(
  stage: StageOf<'search'> | StageOf<'readjust'>,
  targetLength: number,
  { stages, factors }: Recipe,
  spec: DecoderSpec,
): Promise<SearchSpace> {
  const { over, short_limit: shortLimit, start_tokens: startTokens } = stage.stage === 'search' ? stage : {};
  const known = over === undefined ? undefined : factors[over];
  const starts = (stage.start ?? []).flatMap((name) => factors[name] ?? []);
  const space = await searchSpace(
    { spec },
    {
      targetLength,
      ...(known !== undefined && { over: known }),
      ...(starts.length > 0 && { starts }),
      ...(stage.max_factor !== undefined && { maxFactor: stage.max_factor }),
      ...(startTokens && { startTokens }),
      ...(shortLimit !== undefined && { shortLimit: shortLimit / 100 }),
    },
  );
  const made = stages.find(({ name }) => name === over);
  if (made?.stage !== 'search') return space;
  if (made.target >= targetLength)
    throw new UserError('input', {
      where: 'over',
      expected: `factors made for less than the target, ${targetLength}`,
      found: `${over}, for ${made.target}`,
    });
  return { ...space, frozen: { ...unscaledCandidate(space.problem), length: made.target } };
}

function textChecks(stage: Stage, recipe: Recipe, texts: RecipeDocuments): Check[] {
  const enough = textNeeds(stage).map(
    ({ name, length }) =>
      () =>
        void documentsOf({ recipe, ...texts }, name, length),
  );
  return stage.stage === 'search' ? [...enough, () => refuseShared(stage, recipe, texts)] : enough;
}

function refuseShared(
  { texts: name, held_out: held, target, lengths = [target] }: StageOf<'search'>,
  recipe: Recipe,
  texts: RecipeDocuments,
): void {
  if (held === undefined) return;
  // Too few documents are told above.
  const read = (of: string, length: number) => {
    try {
      return documentsOf({ recipe, ...texts }, of, length);
    } catch (error) {
      if (error instanceof UserError) return [];
      throw error;
    }
  };
  refuseSharedTexts({
    documents: read(name, Math.max(...lengths)),
    heldOut: read(held, target),
    targetLength: target,
    lengths: lengths.map((length) => ({ length, weight: 1 })),
    tokenizer: texts.tokenizer,
    textName: `${name}, ${held}`,
  });
}
