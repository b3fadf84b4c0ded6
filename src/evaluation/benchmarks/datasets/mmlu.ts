import { z } from 'zod';
import { strip } from '../python-text.js';
import type { Question } from '../question.js';
import { indexSchema, oneRight } from './fields.js';
import type { DatasetFormat, RowProblem } from './read-questions.js';

const LETTERS = ['A', 'B', 'C', 'D'] as const;

/** The published CSV has no header: question, four choices, a letter. `cais/mmlu` has an index. */
const rowSchema = z.union([
  z.array(z.string()),
  z.object({
    question: z.string(),
    choices: z.array(z.string()).length(LETTERS.length, `${LETTERS.length} choices`),
    answer: indexSchema,
  }),
]);

export const MMLU: DatasetFormat<Question> = {
  schema: rowSchema,
  shape: 'question,A,B,C,D,letter (CSV without header) or {question, choices: [4 texts], answer: 0 to 3}',
  entry(row: z.infer<typeof rowSchema>, index): Question | RowProblem {
    const parts = Array.isArray(row) ? fromCsv(row) : row;
    if ('found' in parts) return parts;
    const { question, choices, answer } = parts;
    if (answer >= LETTERS.length) return { expected: 'answer: 0 to 3', found: String(answer) };
    if (strip(question) === '') return { expected: 'a question', found: 'an empty text' };
    const lines = choices.map((choice, i) => `${LETTERS[i]}. ${choice}\n`);
    return {
      id: String(index),
      prompt: `${strip(question)}\n${lines.join('')}Answer:`,
      choices: LETTERS,
      right: oneRight(LETTERS.length, answer),
    };
  },
  // The published sets do hold a few questions twice.
  key: null,
};

function fromCsv(columns: readonly string[]) {
  if (columns.length !== LETTERS.length + 2)
    return { expected: '6 columns: question, A, B, C, D, letter', found: String(columns.length) };
  const [question, ...rest] = columns as [string, ...string[]];
  const letter = rest.at(-1) as string;
  const answer = (LETTERS as readonly string[]).indexOf(letter);
  if (answer < 0)
    return {
      expected: `a letter of ${LETTERS.join(', ')} in column 6`,
      found: JSON.stringify(letter),
      ...(question === 'question' && { fix: 'leave out the header' }),
    };
  return { question, choices: rest.slice(0, -1), answer };
}
