import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Problem, UserError } from '../errors.js';
import { parseRecipe, type Recipe } from '../extension/index.js';
import { fileError } from '../run/index.js';
import { nearestWord } from '../search/index.js';
import { exists, isFolder } from './extend-files.js';

/** What a command puts in the place of what a recipe says. */
export interface RecipeOverrides {
  readonly model?: string;
  /** NAME -> paths. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  readonly factors: ReadonlyMap<string, string>;
}

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
/** Recipes that come with the package, named without their ending. */
const SHIPPED = path.join(PACKAGE, 'recipes');

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
    model: overrides.model ?? (await modelOf(recipe, file)),
    texts,
    factors: { ...recipe.factors, ...Object.fromEntries(overrides.factors) },
  };
}

/** A recipe of the package that begins with a model of the package finds it from everywhere; one that lies here comes first. */
async function modelOf({ model }: Recipe, file: string): Promise<string> {
  if (path.dirname(file) !== SHIPPED || path.isAbsolute(model) || (await exists(model, 'a model'))) return model;
  const shipped = path.join(PACKAGE, model);
  return (await exists(shipped, 'a model')) ? path.relative(process.cwd(), shipped) || '.' : model;
}

async function recipeFile(name: string): Promise<string> {
  if (!/^[\w-]+$/.test(name)) return name;
  // A run folder is easily called as its recipe.
  if ((await exists(name, 'a recipe')) && !(await isFolder(name, 'a recipe'))) return name;
  const shipped = path.join(SHIPPED, `${name}.yaml`);
  if (await exists(shipped, 'a recipe')) return shipped;
  const names = (await readdir(SHIPPED)).flatMap((entry) => /^(.+)\.yaml$/.exec(entry)?.[1] ?? []);
  const nearest = nearestWord(name, names);
  throw new UserError('usage', {
    where: 'recipe',
    expected: `a YAML file, or one of the recipes of the package (${names.join(', ')})`,
    found: `"${name}"`,
    ...(nearest !== null && { fix: `did you mean ${nearest}?` }),
  });
}
