import { UserError } from '../errors.js';
import type { TokenDocument } from './types.js';

export interface DocumentSelection {
  readonly minTokens: number;
  /** Only the first so many documents; all when left out. */
  readonly samples?: number;
  /** Where the documents are from, for messages. */
  readonly source: string;
}

/** The first `samples` of the documents with at least `minTokens` tokens. Fewer than asked for is an error: results would be of other documents than their users believe. */
export function longEnough(
  documents: readonly TokenDocument[],
  { minTokens, samples, source }: DocumentSelection,
): readonly TokenDocument[] {
  const enough = documents.filter(({ ids }) => ids.length >= minTokens);
  if (enough.length >= (samples ?? 1)) return enough.slice(0, samples);
  const longest = documents.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  throw new UserError('input', {
    where: source,
    expected: `${samples === undefined ? '' : `${samples} `}documents of at least ${minTokens} tokens`,
    found: documents.length === 0 ? 'none' : `${enough.length} of ${documents.length}, the longest with ${longest}`,
    fix: 'give longer texts or more of them, or a shorter length',
  });
}
