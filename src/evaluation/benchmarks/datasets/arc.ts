import { z } from 'zod';
import type { Question } from '../question.js';
import { oneRight, textSchema } from './fields.js';
import type { DatasetFormat, RowProblem } from './read-questions.js';

const choiceSchema = z.object({ text: textSchema, label: z.string() });

/** The published JSONL and the row of `allenai/ai2_arc`. */
const rowSchema = z.union([
  z.object({
    id: z.string(),
    question: z.object({ stem: textSchema, choices: z.array(choiceSchema).min(2) }),
    answerKey: z.string(),
  }),
  z.object({
    id: z.string(),
    question: textSchema,
    choices: z.object({ text: z.array(textSchema).min(2), label: z.array(z.string()) }),
    answerKey: z.string(),
  }),
]);

export const ARC: DatasetFormat<Question> = {
  schema: rowSchema,
  shape:
    '{id, question: {stem, choices: [{text, label}]}, answerKey} or {id, question, choices: {text, label}, answerKey}',
  entry(row: z.infer<typeof rowSchema>): Question | RowProblem {
    const { stem, texts, labels } = parts(row);
    if (labels.length !== texts.length)
      return { expected: `${texts.length} labels, one per choice`, found: String(labels.length) };
    if (new Set(labels).size !== labels.length) return { expected: 'different labels', found: labels.join(', ') };
    const right = labels.indexOf(row.answerKey);
    if (right < 0) return { expected: `an answerKey among ${labels.join(', ')}`, found: JSON.stringify(row.answerKey) };
    return {
      id: row.id,
      prompt: `Question: ${stem}\nAnswer:`,
      choices: texts,
      right: oneRight(texts.length, right),
    };
  },
  key: ({ id }) => id,
};

function parts(row: z.infer<typeof rowSchema>) {
  if (typeof row.question === 'string') {
    const { text: texts, label: labels } = (row as Extract<typeof row, { choices: unknown }>).choices;
    return { stem: row.question, texts, labels };
  }
  const { stem, choices } = row.question;
  return { stem, texts: choices.map(({ text }) => text), labels: choices.map(({ label }) => label) };
}
