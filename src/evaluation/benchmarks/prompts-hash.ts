import { sha256 } from '../../run/index.js';
import type { Answered, Asked } from './ask.js';
import { contextOf } from './prompt.js';

/** What a model was shown before each choice of a task, as one hash: two results with the same one can be compared. */
export function promptsHash(asked: readonly Omit<Asked, 'method'>[], answers: readonly Answered[]): string {
  const lines = asked.map(
    ({ task, question, examples }, i) => `${sha256(contextOf(task, question, examples))} ${answers[i]?.cut ?? 0}\n`,
  );
  return sha256(lines.join(''));
}
