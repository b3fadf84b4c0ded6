import { type BenchmarkTask, goldOf, type Question } from './question.js';

/** Between question and answer. */
const ANSWER = ' ';
const BETWEEN_EXAMPLES = '\n\n';

/** Everything before the answer: description, solved examples, the question. */
export function contextOf(task: BenchmarkTask, question: Question, examples: readonly number[]): string {
  const solved = examples.map((index) => {
    const example = task.pool[index] as Question;
    return example.prompt + ANSWER + example.choices[goldOf(example)] + BETWEEN_EXAMPLES;
  });
  return task.description + solved.join('') + question.prompt;
}

/** What is scored for each choice. */
export function continuationsOf({ choices }: Question): readonly string[] {
  return choices.map((choice) => ANSWER + choice);
}
