import { type Problem, UserError } from '../errors.js';
import type { Recipe, Stage, StageOf } from '../extension/index.js';
import type { DecoderSpec } from '../model/index.js';
import { factorVector } from '../rope/index.js';
import { refuseUndifferentiable } from '../runtime/index.js';
import {
  type Candidate,
  checkBudget,
  checkRacing,
  parseBudget,
  racingSettings,
  unscaledCandidate,
} from '../search/index.js';
import { readFactors } from './export-rope.js';
import type { Check } from './extend-check.js';
import { longSetProblem } from './extend-search.js';
import { searchAlgorithm } from './search-run.js';
import { type SearchSpace, searchSpace } from './search-space.js';

type Searching = StageOf<'search'> | StageOf<'readjust'>;

/** A search for each of `targets`, as far as it is known before the stages above it have run. */
export function searchChecks(stage: Searching, targets: readonly number[], recipe: Recipe, spec: DecoderSpec): Check[] {
  const documents = recipe.texts[stage.texts]?.samples ?? 1;
  const ofTargets = targets.map((targetLength) => async () => {
    const space = await plannedSpace(stage, targetLength, recipe, spec);
    const { algorithm } = searchAlgorithm({ ...stage, hyperparameters: plannedSettings(stage) }, space);
    const racing = stage.racing && racingSettings(stage.racing);
    if (racing !== undefined) checkRacing(racing, algorithm, documents);
    checkBudget(parseBudget(stage.budget), algorithm, documents, racing);
  });
  return stage.algorithm === 'gradient' ? [() => refuseUndifferentiable(spec), ...ofTargets] : ofTargets;
}

/** Sets that share an attention factor are searched at that of the longest, whatever it will be. */
function plannedSettings(stage: Searching): Searching['hyperparameters'] {
  const isHeld = stage.stage === 'readjust' && stage.attention === 'shared';
  return isHeld ? { ...stage.hyperparameters, attention_factor: 1 } : stage.hyperparameters;
}

/** The sets that join those of a readjusting stage: each for a length of its own, above those that are readjusted. */
export function longSetChecks(stage: StageOf<'readjust'>, recipe: Recipe, spec: DecoderSpec): Check[] {
  return [
    async () => {
      const problems: Problem[] = [];
      const known = new Map<number, string>();
      for (const name of stage.with) {
        const length = await targetOf(name, recipe, spec);
        const problem = longSetProblem(length, stage.lengths);
        if (problem !== null) problems.push({ where: `with ${name}`, ...problem });
        const other = length === null ? undefined : known.get(length);
        if (other !== undefined)
          problems.push({
            where: `with ${name}`,
            expected: 'one set for each length',
            found: `${length}, as ${other}`,
          });
        if (length !== null) known.set(length, name);
      }
      if (problems.length > 0) throw new UserError('input', problems);
    },
  ];
}

async function targetOf(name: string, { stages, factors }: Recipe, { rope }: DecoderSpec): Promise<number | null> {
  const file = factors[name];
  if (file !== undefined) return (await readFactors(file, rope, `factors ${name}:`)).set.targetLength;
  return madeFor(name, stages);
}

/** Tokens that factors are for which an earlier search makes: every name that is no file, as references are checked before. */
function madeFor(name: string, stages: readonly Stage[]): number {
  return (stages.find((stage) => stage.name === name) as Extract<Stage, { stage: 'search' }>).target;
}

/** Of factors that an earlier stage makes, what they are for, and others in their place where a search starts from such. */
async function plannedSpace(
  stage: Searching,
  targetLength: number,
  { stages, factors }: Recipe,
  spec: DecoderSpec,
): Promise<SearchSpace> {
  const { over, short_limit: shortLimit, start_tokens: startTokens } = stage.stage === 'search' ? stage : {};
  const known = over === undefined ? undefined : factors[over];
  const named = stage.start ?? (stage.stage === 'readjust' ? stage.with : []);
  const starts = named.flatMap((name) => factors[name] ?? []);
  const found = await searchSpace(
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
  const { problem } = found;
  const unknown = [...new Set(named)]
    .filter((name) => factors[name] === undefined)
    // One for a shorter length is tried as it is and stretched.
    .reduce((sum, name) => sum + (madeFor(name, stages) < targetLength ? 2 : 1), 0);
  const standIns = differentSets(found.frozen ?? unscaledCandidate(problem), unknown);
  const space =
    unknown === 0 ? found : { ...found, problem: { ...problem, starts: [...(problem.starts ?? []), ...standIns] } };
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

/** So many sets, none of which is another, a closed form or unscaled. */
function differentSets({ factors }: Candidate, count: number): Candidate[] {
  const last = factors.length - 1;
  return Array.from({ length: count }, (_, i) => ({
    factors: factorVector(factors.map((factor, pair) => (pair === last ? factor * (1 + 1e-6 * (i + 1)) : factor))),
    attentionFactor: 1,
    startTokens: 0,
  }));
}
