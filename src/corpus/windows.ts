import { type Problem, UserError } from '../errors.js';
import type { TokenDocument } from './types.js';

export interface DocumentSelection {
  /** Tokens every document must still have after `skipTokens`. */
  readonly minTokens: number;
  /** Only the first so many documents; all when left out. */
  readonly count?: number;
  /** Tokens left out at the start of each document. */
  readonly skipTokens?: number;
}

/**
 * The first `count` documents, each from token `skipTokens` on. A document that is too short is an error and not left
 * out in silence: the result would be over other documents than the ones asked for. All of them are named at once.
 */
export function selectDocuments(documents: readonly TokenDocument[], selection: DocumentSelection): TokenDocument[] {
  const { minTokens, skipTokens = 0, count = documents.length } = selection;
  const problems: Problem[] = [];
  if (documents.length < count || documents.length === 0)
    problems.push({ where: 'documents', expected: `at least ${Math.max(1, count)}`, found: `${documents.length}` });
  const chosen = documents.slice(0, count);
  const needed = minTokens + skipTokens;
  for (const { id, ids } of chosen)
    if (ids.length < needed)
      problems.push({
        where: id,
        expected: `at least ${needed} tokens${skipTokens === 0 ? '' : ` (${skipTokens} skipped, ${minTokens} used)`}`,
        found: `${ids.length}`,
        fix: 'use a longer text or a shorter length',
      });
  if (problems.length > 0) throw new UserError('input', problems);
  return chosen.map((document) =>
    skipTokens === 0 ? document : { id: document.id, ids: document.ids.subarray(skipTokens) },
  );
}
