import type { Tokenizer } from '../../corpus/types.js';
import { type Problem, UserError } from '../../errors.js';
import { type Asked, encodeQuestion } from './ask.js';
import { continuationsOf } from './prompt.js';

/** Of a task with one choice too long most have; so many tell as much. */
const MOST = 20;

/** Refuses, before anything is computed, every question with a choice that the model cannot take whole: all in one error. */
export function checkChoices(
  tokenizer: Tokenizer,
  maxLength: number,
  questions: readonly Omit<Asked, 'method'>[],
): void {
  const problems: Problem[] = [];
  for (const asked of questions) {
    // A token is at least a byte: only long choices have to be tokenised to know.
    if (continuationsOf(asked.question).every((choice) => Buffer.byteLength(choice) <= maxLength)) continue;
    try {
      encodeQuestion(tokenizer, maxLength, asked);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length === 0) return;
  const more = problems.length - MOST;
  throw new UserError('input', [
    ...problems.slice(0, MOST),
    ...(more > 0 ? [{ where: 'the questions', expected: 'no problems', found: `${more} more` }] : []),
  ]);
}
