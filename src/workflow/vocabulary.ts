import { checkIds, type TokenDocument, type Tokenizer } from '../corpus/index.js';
import { UserError } from '../errors.js';
import type { DecoderSpec } from '../model/index.js';

/** Ids that the model has no embedding for would end in an error of the engine, or in numbers that mean nothing. `where`: of the tokenizer. */
export function checkVocabulary(
  where: string,
  { vocabularySize }: Pick<Tokenizer, 'vocabularySize'>,
  spec: Pick<DecoderSpec, 'vocabularySize'>,
): void {
  if (vocabularySize <= spec.vocabularySize) return;
  throw new UserError('input', {
    where,
    expected: `a tokenizer of at most ${spec.vocabularySize} tokens, the vocabulary of the model`,
    found: `${vocabularySize}`,
  });
}

/** The same of texts and of what is put around them, for a model's own tokenizer, which may have a token more than embeddings (gemma3). */
export function checkTokens(
  documents: readonly TokenDocument[],
  around: readonly (number | null)[],
  spec: Pick<DecoderSpec, 'vocabularySize'>,
): void {
  const ids = Int32Array.from(around.filter((id) => id !== null));
  checkIds([{ id: 'BOS and EOS of the tokenizer', ids }, ...documents], spec.vocabularySize);
}
