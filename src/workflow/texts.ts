import { openCorpus, selectDocuments, type TokenDocument, type Tokenizer } from '../corpus/index.js';
import { UserError } from '../errors.js';
import { cacheDirectory } from '../run/index.js';

export interface TextSelection {
  readonly textField?: string;
  readonly skipCharacters?: number;
  /** Leave out documents with fewer tokens. */
  readonly minTokens?: number;
  /** Only the first so many documents; more than there are is an error. */
  readonly samples?: number;
}

/** Documents of several inputs as token ids, in the order given; tokenised once and kept in the cache. */
export async function readTexts(
  paths: readonly string[],
  tokenizer: Tokenizer,
  { minTokens = 1, samples, ...options }: TextSelection,
): Promise<readonly TokenDocument[]> {
  const all: TokenDocument[] = [];
  for (const path of paths)
    all.push(...(await openCorpus({ path, tokenizer, cacheDir: cacheDirectory(), ...options })).documents);
  const enough = all.filter(({ ids }) => ids.length >= minTokens);
  if (enough.length === 0)
    throw new UserError('input', {
      where: paths.join(', '),
      expected: `documents of at least ${minTokens} tokens`,
      found:
        all.length === 0 ? 'none' : `${all.length}, the longest with ${Math.max(...all.map(({ ids }) => ids.length))}`,
      fix: 'give longer texts or a shorter length',
    });
  return selectDocuments(enough, { minTokens, ...(samples !== undefined && { count: samples }) });
}
