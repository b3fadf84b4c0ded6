import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Problem, UserError } from '../errors.js';
import { parseRecipe, type Recipe } from '../extension/index.js';
import { errnoOf, fileError } from '../run/index.js';
import { nearestWord } from '../search/index.js';

/** What a command puts in the place of what a recipe says. */
export interface RecipeOverrides {
  readonly model?: string;
  /** NAME -> paths. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  readonly factors: ReadonlyMap<string, string>;
}

/** Recipes that come with the package, named without their ending. */
const SHIPPED = fileURLToPath(new URL('../../recipes/', import.meta.url));

/** Reads a recipe file, or the shipped recipe of that name. Throws `UserError` with everything wrong in it or in the overrides. */
export async function readRecipe(name: string, overrides: RecipeOverrides): Promise<Recipe> {
  const file = await recipeFile(name);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileError(file, 'a recipe', error);
  });
  const recipe = parseRecipe(text, file === name ? file : path.basename(file));
  const problems: Problem[] = [];
  const known = (flag: string, names: Iterable<string>, given: Iterable<string>) => {
    const list = [...names];
    for (const one of given) {
      if (list.includes(one)) continue;
      const nearest = nearestWord(one, list);
      problems.push({
        where: `${flag} ${one}`,
        expected: `one of the names in the recipe (${list.join(', ') || 'there are none'})`,
        found: `"${one}"`,
        ...(nearest !== null && { fix: `did you mean ${nearest}?` }),
      });
    }
  };
  known('--text', Object.keys(recipe.texts), overrides.texts.keys());
  known('--factors', Object.keys(recipe.factors), overrides.factors.keys());
  if (problems.length > 0) throw new UserError('usage', problems);
  const texts = Object.fromEntries(
    Object.entries(recipe.texts).map(([key, value]) => [
      key,
      { ...value, paths: [...(overrides.texts.get(key) ?? value.paths)] },
    ]),
  );
  return {
    ...recipe,
    model: overrides.model ?? recipe.model,
    texts,
    factors: { ...recipe.factors, ...Object.fromEntries(overrides.factors) },
  };
}

async function recipeFile(name: string): Promise<string> {
  if ((await exists(name)) || !/^[\w-]+$/.test(name)) return name;
  const shipped = path.join(SHIPPED, `${name}.yaml`);
  if (await exists(shipped)) return shipped;
  const names = (await readdir(SHIPPED)).flatMap((entry) => /^(.+)\.yaml$/.exec(entry)?.[1] ?? []);
  const nearest = nearestWord(name, names);
  throw new UserError('usage', {
    where: 'recipe',
    expected: `a YAML file, or one of the recipes of the package (${names.join(', ')})`,
    found: `"${name}"`,
    ...(nearest !== null && { fix: `did you mean ${nearest}?` }),
  });
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw fileError(file, 'a recipe', error);
  }
}
