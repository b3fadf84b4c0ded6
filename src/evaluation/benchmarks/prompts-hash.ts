import type { Tokenizer } from '../../corpus/types.js';
import { sha256 } from '../../run/index.js';
import type { Answered, Asked } from './ask.js';
import { contextOf } from './prompt.js';

/**
 * What a model was shown before each choice of a task, as one hash: two results with the same one can be compared. A BOS in front
 * is part of it; a tokenizer's own hash says nothing of it.
 */
export function promptsHash(
  asked: readonly Omit<Asked, 'method'>[],
  answers: readonly Answered[],
  { addsBos, bosTokenId }: Pick<Tokenizer, 'addsBos' | 'bosTokenId'>,
): string {
  const lines = asked.map(
    ({ task, question, examples }, i) => `${sha256(contextOf(task, question, examples))} ${answers[i]?.cut ?? 0}\n`,
  );
  const bos = addsBos && bosTokenId !== null ? `bos ${bosTokenId}\n` : '';
  return sha256(`${bos}${lines.join('')}`);
}
