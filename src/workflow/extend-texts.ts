import { longEnough, type TokenDocument, type Tokenizer } from '../corpus/index.js';
import type { Recipe, RecipeTexts, Stage, StageOf } from '../extension/index.js';
import { readTokens } from './read-tokens.js';
import { readTexts, type TextSelection } from './texts.js';

interface Reader {
  readonly recipe: Recipe;
  readonly tokenizer: Tokenizer;
}

/** Every text of a recipe whole, by its name there. */
export interface RecipeDocuments {
  readonly tokenizer: Tokenizer;
  readonly documents: ReadonlyMap<string, readonly TokenDocument[]>;
}

/** A text that a stage reads, and how many tokens it needs of every document. */
export interface TextNeed {
  readonly name: string;
  readonly length: number;
}

/** Fine-tuning takes what it trains on whole. */
export function textNeeds(stage: Stage, originalLength: number): TextNeed[] {
  const need = (name: string | undefined, ...lengths: readonly number[]) =>
    name === undefined ? [] : [{ name, length: Math.max(...lengths) }];
  switch (stage.stage) {
    case 'search':
      return [...need(stage.texts, stageTokens(stage, originalLength)), ...need(stage.held_out, stage.target)];
    case 'readjust':
      return need(stage.texts, ...stage.lengths);
    case 'finetune': {
      const { max_seq_length: rowTokens, eval_lengths: lengths = [rowTokens] } = stage.hyperparameters;
      return stage.where === 'here' ? need(stage.held_out, ...lengths) : [];
    }
    case 'evaluate':
      return need(stage.perplexity?.texts, ...(stage.perplexity?.lengths ?? []));
    case 'export':
      return [];
  }
}

/** Tokens that a search reads of each of its texts. */
export function stageTokens(
  { target, lengths = [target], short_limit: shortLimit }: StageOf<'search'>,
  originalLength: number,
): number {
  return readTokens(lengths, shortLimit === undefined ? null : originalLength);
}

/** How a stage reads a text of which it needs `length` tokens, a BOS among them where there is one. */
export function textSelection({ recipe, tokenizer }: Reader, name: string, length: number) {
  const { samples } = textOf(recipe, name);
  return {
    ...options(recipe, name),
    minTokens: length - (tokenizer.bosTokenId === null ? 0 : 1),
    ...(samples !== undefined && { samples }),
  } satisfies TextSelection;
}

/** What a stage needs of a text; throws where that has too few documents of `length` tokens. */
export function documentsOf(
  { documents, ...reader }: Reader & RecipeDocuments,
  name: string,
  length: number,
): readonly TokenDocument[] {
  const source = pathsOf(reader.recipe, name).join(', ');
  return longEnough(documents.get(name) ?? [], { ...textSelection(reader, name, length), source });
}

export async function allTexts({ recipe, tokenizer }: Reader): Promise<RecipeDocuments> {
  const documents = new Map<string, readonly TokenDocument[]>();
  for (const name of Object.keys(recipe.texts)) documents.set(name, await documentsNow({ recipe, tokenizer }, name));
  return { tokenizer, documents };
}

export function documentsNow({ recipe, tokenizer }: Reader, name: string): Promise<readonly TokenDocument[]> {
  return readTexts(pathsOf(recipe, name), tokenizer, options(recipe, name));
}

/** What a stage reads texts with: that of the base model too, as a model that was trained elsewhere need not bring one. */
export function tokenizerOf({
  tokenizer,
  model,
}: Recipe): { readonly tokenizer: string } | { readonly ownTokenizer: string } {
  return tokenizer === undefined ? { ownTokenizer: model } : { tokenizer };
}

export function pathsOf(recipe: Recipe, name: string): readonly string[] {
  return textOf(recipe, name).paths;
}

function options(recipe: Recipe, name: string): TextSelection {
  const { skip_characters: skipCharacters, text_field: textField } = textOf(recipe, name);
  return { skipCharacters, ...(textField !== undefined && { textField }) };
}

function textOf({ texts }: Recipe, name: string): RecipeTexts {
  return texts[name] as RecipeTexts;
}
