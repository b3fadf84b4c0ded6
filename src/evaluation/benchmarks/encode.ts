import { concatenate } from '../../corpus/concatenate.js';
import type { Tokenizer } from '../../corpus/types.js';
import { UserError } from '../../errors.js';
import { stripEnd } from './python-text.js';

export interface EncodedChoice {
  /** Context and continuation; the last token is predicted but never fed. */
  readonly ids: Int32Array;
  /** First token of the continuation. */
  readonly scoreFrom: number;
  /** Tokens of the context that did not fit. */
  readonly cut: number;
}

/**
 * The token sequences of lm-evaluation-harness for one context with several continuations: white space at the end of the
 * context goes to the continuation; the continuation is what the tokens of both together have beyond as many tokens as the
 * context alone has; of too long a sequence the last `maxLength` + 1 tokens are kept.
 *
 * @param where names the question in messages
 */
export function encodeChoices(
  tokenizer: Tokenizer,
  context: string,
  continuations: readonly string[],
  maxLength: number,
  where: string,
): EncodedChoice[] {
  const stripped = stripEnd(context);
  const white = context.slice(stripped.length);
  const encode = withBos(tokenizer);
  const contextIds = encode(stripped);
  return continuations.map((continuation, choice) => {
    const continuationIds = encode(stripped + white + continuation).subarray(contextIds.length);
    if (continuationIds.length === 0 || continuationIds.length > maxLength)
      throw new UserError('input', {
        where: `${where}, choice ${choice + 1}`,
        expected: `1 to ${maxLength} tokens`,
        found: String(continuationIds.length),
        ...(continuationIds.length > maxLength && { fix: 'give a larger --max-length, or leave the question out' }),
      });
    const cut = Math.max(0, contextIds.length + continuationIds.length - (maxLength + 1));
    const ids = concatenate(contextIds.subarray(cut), continuationIds);
    return { ids, scoreFrom: ids.length - continuationIds.length, cut };
  });
}

export function beginsWithBos({ addsBos, bosTokenId }: Tokenizer): boolean {
  return addsBos && bosTokenId !== null;
}

/** A text that already begins with the BOS gets no second one. */
function withBos(tokenizer: Tokenizer): (text: string) => Int32Array {
  const { bosTokenId } = tokenizer;
  if (!beginsWithBos(tokenizer) || bosTokenId === null) return (text) => tokenizer.encode(text);
  const bos = tokenizer.decode([bosTokenId]);
  return (text) => {
    const ids = tokenizer.encode(text);
    return bos !== '' && text.startsWith(bos) ? ids : concatenate([bosTokenId], ids);
  };
}
