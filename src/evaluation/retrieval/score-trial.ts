import type { AnsweredRow } from '../generation/answered-row.js';
import { countFound, firstNumber, startsWithNumber } from '../generation/score.js';
import type { RetrievalTrial } from '../records/retrieval.js';

/**
 * - paper: the first number of the answer's first line is the key.
 * - released: the first number of the answer is the key, wherever it stands.
 * - needle: every expected string is somewhere in the answer.
 */
export type RetrievalScoring = 'paper' | 'released' | 'needle';

export function scoreTrial(row: AnsweredRow, scoring: RetrievalScoring): RetrievalTrial {
  const { answer, expected } = row;
  const found =
    scoring === 'needle' ? countFound(answer, expected) : Number(hasKey(answer, expected[0] ?? '', scoring));
  const { id, depth, promptTokens } = row;
  return { id, depth, promptTokens, expected: [...expected], answer, found, correct: found === expected.length };
}

function hasKey(answer: string, key: string, scoring: 'paper' | 'released'): boolean {
  return scoring === 'paper' ? startsWithNumber(answer, key) : firstNumber(answer) === key;
}
