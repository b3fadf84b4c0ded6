import type { Tokenizer } from '../corpus/index.js';
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
