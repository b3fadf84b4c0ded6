import { z } from 'zod';
import { capitalize, strip } from '../python-text.js';
import type { Question } from '../question.js';
import { indexSchema, oneRight, textSchema } from './fields.js';
import type { DatasetFormat, RowProblem } from './read-questions.js';

const ENDINGS = 4;
const shared = {
  activity_label: z.string(),
  endings: z.array(textSchema).length(ENDINGS, `${ENDINGS} endings`),
  label: indexSchema,
};

/** The published JSONL (which `Rowan/hellaswag` has as it is), and copies of it that were cleaned into one `ctx`. */
const rowSchema = z.union([
  z.object({ ...shared, ctx_a: z.string(), ctx_b: z.string() }),
  z.object({ ...shared, ctx: textSchema }),
]);

export const HELLASWAG: DatasetFormat<Question> = {
  schema: rowSchema,
  shape: '{activity_label, ctx_a, ctx_b, endings: [4 texts], label} or the same with one ctx',
  entry(row: z.infer<typeof rowSchema>, index): Question | RowProblem {
    if (row.label >= ENDINGS) return { expected: `label: 0 to ${ENDINGS - 1}`, found: String(row.label) };
    const context = 'ctx_a' in row ? `${row.ctx_a} ${capitalize(row.ctx_b)}` : row.ctx;
    return {
      id: String(index),
      prompt: clean(`${row.activity_label}: ${context}`),
      choices: row.endings.map(clean),
      right: oneRight(ENDINGS, row.label),
    };
  },
  // Rows have no identity of their own: `ind` counts within each of two sources.
  key: null,
};

/** Takes out the marks of the WikiHow part, as lm-evaluation-harness does (its double spaces included: one pass). */
function clean(text: string): string {
  return strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[[^\n]*?\]/g, '')
    .replaceAll('  ', ' ');
}
