import { hashDocuments, openTokenizer, type Tokenizer } from '../corpus/index.js';
import type { Recipe } from '../extension/index.js';
import { hashModel, loadModel, type Model } from '../model/index.js';
import { sha256File } from '../run/index.js';
import { type Device, engineName } from '../runtime/index.js';
import { documentsNow, type RecipeDocuments } from './extend-texts.js';
import { programVersion } from './version.js';

interface Settings {
  readonly device?: Device;
  readonly trainingThreads: number;
}

/** Hashes of everything the results of a run depend on beside its stages. */
export async function recipeInputs(
  recipe: Recipe,
  model: Model,
  { tokenizer, documents }: RecipeDocuments,
  { device, trainingThreads }: Settings,
): Promise<Record<string, string>> {
  const inputs: Record<string, string> = {
    version: programVersion(),
    engine: engineName(device),
    model: await hashModel(model),
    tokenizer: tokenizer.hash,
    specialTokens: specialTokens(tokenizer),
    threads: `${trainingThreads}`,
  };
  for (const [name, ofText] of documents) inputs[`texts.${name}`] = hashDocuments(ofText);
  for (const [name, file] of Object.entries(recipe.factors)) inputs[`factors.${name}`] = await sha256File(file);
  return inputs;
}

/** What stands around a text, and where an answer ends, are no part of the hash of its ids. */
function specialTokens({ addsBos, bosTokenId, eosTokenId }: Tokenizer): string {
  return JSON.stringify([addsBos, bosTokenId, eosTokenId]);
}

/** One of the inputs that a stage reads (`model`, `tokenizer`, `specialTokens`, `texts.NAME`, `factors.NAME`), as it is now. */
export async function inputNow(
  recipe: Recipe,
  { tokenizer }: Pick<RecipeDocuments, 'tokenizer'>,
  input: string,
): Promise<string> {
  if (input === 'model') return hashModel(await loadModel(recipe.model));
  if (input === 'tokenizer') return (await openTokenizer(recipe.tokenizer ?? recipe.model)).hash;
  if (input === 'specialTokens') return specialTokens(await openTokenizer(recipe.tokenizer ?? recipe.model));
  const [, kind, name] = /^(texts|factors)\.(.+)$/.exec(input) as unknown as [string, string, string];
  if (kind === 'factors') return sha256File(recipe.factors[name] as string);
  return hashDocuments(await documentsNow({ recipe, tokenizer }, name));
}
