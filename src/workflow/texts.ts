import { longEnough, openCorpus, type TokenDocument, type Tokenizer } from '../corpus/index.js';
import { UserError } from '../errors.js';
import { cacheDirectory } from '../run/index.js';

export interface TextSelection {
  readonly textField?: string;
  readonly skipCharacters?: number;
  readonly keepsBos?: boolean;
  readonly signal?: AbortSignal;
  /** Leave out documents with fewer tokens. */
  readonly minTokens?: number;
  /** Only the first so many documents; more than there are is an error. */
  readonly samples?: number;
}

/** A name twice is a text counted twice, or two texts that results could not tell apart. */
function refuseRepeatedNames(documents: readonly TokenDocument[], paths: readonly string[]): void {
  const seen = new Set<string>();
  const repeated = documents.map(({ id }) => id).filter((id) => seen.size === seen.add(id).size);
  if (repeated.length === 0) return;
  const more = repeated.length > 3 ? ` and ${repeated.length - 3} more` : '';
  throw new UserError('input', {
    where: paths.join(', '),
    expected: 'documents with a name of their own',
    found: `${repeated.slice(0, 3).join(', ')}${more} twice`,
    fix: 'give every text once; texts of one name in several folders as the folder above them',
  });
}

/** Documents of several inputs as token ids, in the order given; tokenised once and kept in the cache. */
export async function readTexts(
  paths: readonly string[],
  tokenizer: Tokenizer,
  { minTokens = 1, samples, ...options }: TextSelection,
): Promise<readonly TokenDocument[]> {
  const found: (readonly TokenDocument[])[] = [];
  for (const path of paths)
    found.push((await openCorpus({ path, tokenizer, cacheDir: cacheDirectory(), ...options })).documents);
  const all = found.flat();
  refuseRepeatedNames(all, paths);
  return longEnough(all, { minTokens, ...(samples !== undefined && { samples }), source: paths.join(', ') });
}
