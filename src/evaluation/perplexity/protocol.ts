import { concatenate } from '../../corpus/concatenate.js';
import type { TokenDocument } from '../../corpus/types.js';
import { UserError } from '../../errors.js';

/**
 * How perplexity is computed, by name. Every figure the product prints carries its protocol.
 * - `document`: the first `length` tokens of each document in one pass; mean over all scored tokens.
 * - `released`: what the released LongRoPE script computes, its mean of window means and its ten-window limit included.
 * - `sliding`: windows of `length` tokens moved by `stride`; every token is scored once, with as much context as fits.
 *   Windows that only touch (`stride` = `length`, no BOS) leave their first token unscored, as in transformers' guide.
 */
export type Protocol =
  | { readonly name: 'document'; readonly length: number }
  | { readonly name: 'released'; readonly length: number; readonly stride: number; readonly truncate: boolean }
  | { readonly name: 'sliding'; readonly length: number; readonly stride: number; readonly maxTokens: number | null };

export const PROTOCOL_NAMES = ['document', 'released', 'sliding'] as const;

/** One forward pass: its ids (BOS included) and the first token that counts. */
export interface Window {
  readonly document: number;
  readonly ids: Int32Array;
  readonly scoreFrom: number;
  /** How many tokens count. */
  readonly tokens: number;
}

/** The released script looks at no more than this many windows of a document. */
const RELEASED_MAX_WINDOWS = 10;

/** Cuts documents into windows. `bos` is put in front of every window when the tokenizer has one. */
export function windowsOf(protocol: Protocol, documents: readonly TokenDocument[], bos: number | null): Window[] {
  requireFit(protocol, documents, bos);
  return documents.flatMap((document, index) =>
    spans(protocol, document.ids.length, bos !== null).map(({ begin, end, scored }) => {
      const text = document.ids.subarray(begin, end);
      const ids = bos === null ? text : concatenate([bos], text);
      // Without BOS the first token of a window has nothing to be predicted from.
      const scoreFrom = Math.max(1, ids.length - scored);
      return { document: index, ids, scoreFrom, tokens: ids.length - scoreFrom };
    }),
  );
}

interface Span {
  readonly begin: number;
  readonly end: number;
  /** How many tokens at its end count. */
  readonly scored: number;
}

function spans(protocol: Protocol, documentTokens: number, hasBos: boolean): Span[] {
  const room = protocol.length - (hasBos ? 1 : 0);
  switch (protocol.name) {
    case 'document':
      return [{ begin: 0, end: room, scored: room }];
    case 'released': {
      const stride = protocol.truncate ? room : protocol.stride;
      const available = protocol.truncate ? Math.min(documentTokens, room) : documentTokens;
      return slide(Math.min(available, RELEASED_MAX_WINDOWS * stride), room, stride);
    }
    case 'sliding':
      return slide(Math.min(documentTokens, protocol.maxTokens ?? documentTokens), room, protocol.stride);
  }
}

function slide(total: number, room: number, stride: number): Span[] {
  const result: Span[] = [];
  for (let begin = 0, scoredTo = 0; scoredTo < total && begin < total; begin += stride) {
    const end = Math.min(begin + room, total);
    result.push({ begin, end, scored: end - scoredTo });
    scoredTo = end;
  }
  return result;
}

function requireFit(protocol: Protocol, documents: readonly TokenDocument[], bos: number | null): void {
  const needed = protocol.length - (bos === null ? 0 : 1);
  if (protocol.name === 'sliding' && protocol.stride > needed)
    throw new UserError('usage', {
      where: '--stride',
      expected: `at most ${needed}, the tokens of text in a window, so that none lies between two windows`,
      found: `${protocol.stride}`,
    });
  if (documents.length === 0)
    throw new UserError('input', { where: 'documents', expected: 'at least one', found: 'none' });
  const short = documents.filter(({ ids }) => ids.length < needed);
  if (short.length > 0)
    throw new UserError(
      'input',
      short.map(({ id, ids }) => ({
        where: `document ${id}`,
        expected: `at least ${needed} tokens for a length of ${protocol.length}`,
        found: `${ids.length}`,
        fix: 'leave it out with --min-tokens, or evaluate a shorter length',
      })),
    );
}
