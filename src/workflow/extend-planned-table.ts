import { type Problem, UserError } from '../errors.js';
import { type LongropeTable, longropeTable, type NamedSet } from '../export/index.js';
import { isClosedForm, type Recipe, type StageOf } from '../extension/index.js';
import type { RopeSpec } from '../model/index.js';
import { factorVector, longropeAttentionFactor } from '../rope/index.js';
import { keepsUsualAttention } from '../search/index.js';
import { readFactors, readSet } from './export-rope.js';

/** Factors as far as they are known before the stage that makes them has run: everything but the numbers. */
interface PlannedSet extends NamedSet {
  /** Whether the stage decides on an attention factor, which the set is then silent about. */
  readonly findsAttention: boolean;
}

/** What a name stands for, or a closed form. */
async function plannedSet(name: string, recipe: Recipe, rope: RopeSpec): Promise<PlannedSet> {
  const file = recipe.factors[name];
  if (file !== undefined) return { ...(await readFactors(file, rope, `factors ${name}:`)), findsAttention: false };
  if (isClosedForm(name)) return { ...(await readSet(name, rope)), findsAttention: false };
  const search = recipe.stages.find((stage) => stage.name === name);
  if (search?.stage !== 'search') throw new Error(`${name} are no factors`);
  const under = search.over === undefined ? null : await plannedSet(search.over, recipe, rope);
  const attentionFactor = heldAttention(search, under, rope);
  return {
    name,
    set: {
      factors: factorVector(Array.from({ length: rope.geometry.rotaryDim / 2 }, () => 1)),
      attentionFactor,
      // Its own are looked at with the recipe (`exportProblems`); those of what it multiplies stay.
      startTokens: under?.set.startTokens ?? 0,
      originalLength: rope.originalLength,
      targetLength: search.target,
    },
    findsAttention: attentionFactor === null,
  };
}

/** The attention factor that a search is told, in words or as a number; null where the winner brings its own. */
function heldAttention(
  { algorithm, target, hyperparameters }: StageOf<'search'>,
  under: PlannedSet | null,
  { originalLength }: RopeSpec,
): number | null {
  const asked = hyperparameters?.['attention_factor'] ?? (keepsUsualAttention(algorithm) ? 'default' : 'search');
  const usual = (length: number) => longropeAttentionFactor(length / originalLength, originalLength);
  // That of the product, where factors multiply others.
  if (asked === 'default') return usual(target);
  if (typeof asked !== 'number' || under === null) return typeof asked === 'number' ? asked : null;
  const { attentionFactor, targetLength } = under.set;
  if (under.findsAttention || targetLength === null) return null;
  return (attentionFactor ?? usual(targetLength)) * asked;
}

/**
 * The table that a stage will be given, as far as it is known. Throws one `UserError` with what no table can say, whatever the
 * factors will be.
 */
export async function plannedTable(
  { factors, short: shortName }: Pick<StageOf<'finetune'>, 'factors' | 'short'>,
  recipe: Recipe,
  rope: RopeSpec,
): Promise<LongropeTable> {
  const long = await plannedSet(factors, recipe, rope);
  if (shortName === undefined) return longropeTable(rope, long);
  const short = await plannedSet(shortName, recipe, rope);
  const table = longropeTable(rope, long, { short });
  const problem = attentionProblem(long, short);
  if (problem !== null) throw new UserError('unsupported', problem);
  return table;
}

/** For how many tokens factors are; null: they cannot be read, which another check tells. */
export async function plannedReach(name: string, recipe: Recipe, rope: RopeSpec): Promise<number | null> {
  try {
    return (await plannedSet(name, recipe, rope)).set.targetLength ?? rope.originalLength;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** Which factors an export makes its long list: of sets the longest. */
export async function longList(
  { factors, sets: name }: StageOf<'export'>,
  recipe: Recipe,
  rope: RopeSpec,
): Promise<string> {
  if (factors !== undefined) return factors;
  const sets = recipe.stages.find((stage) => stage.name === name);
  if (sets?.stage !== 'readjust') throw new Error(`${name} are no sets`);
  let longest = { name: '', length: -1 };
  for (const long of sets.with) {
    // One without a length is refused with the readjustment.
    const length = (await plannedSet(long, recipe, rope)).set.targetLength ?? 0;
    if (length > longest.length) longest = { name: long, length };
  }
  return longest.name;
}

/** Two lists share an attention factor, so that none of them can be searched with one of its own. */
function attentionProblem(long: PlannedSet, short: PlannedSet): Problem | null {
  const finding = [long, short].filter(({ findsAttention }) => findsAttention);
  const said = long.set.attentionFactor ?? short.set.attentionFactor;
  if (finding.length === 0 || (finding.length === 1 && said === null)) return null;
  const names = finding.map(({ name }) => name).join(' and ');
  return {
    where: 'short',
    expected: `the attention factor of ${long.name}${long.findsAttention ? '' : `, ${said}`}: engines have one for both lists`,
    found: `${names}, searched with ${finding.length === 1 ? 'one of its own' : 'one each'}`,
    fix: `hold it: ${names} with hyperparameters: { attention_factor: ${said ?? 'NUMBER'} }`,
  };
}
