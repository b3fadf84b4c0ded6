import type { ProblemList } from './datasets/problem-list.js';
import { spareExamples } from './few-shot.js';
import type { BenchmarkTask, Question } from './question.js';
import type { DatasetRules } from './rules.js';

/** Questions at the end of the file that become the pool when there is no training file; never scored then. */
const BORROWED_POOL = 100;

export interface TaskParts {
  readonly name: string;
  readonly subject: string;
  readonly rules: DatasetRules;
  readonly shots: number;
  readonly questions: readonly Question[];
  /** null = there is no file of examples. */
  readonly pool: readonly Question[] | null;
  /** Of the questions. */
  readonly path: string;
}

/** A task from the contents of its files. Too few examples are a problem. */
export function buildTask(
  parts: TaskParts,
  problems: ProblemList,
): { readonly task: BenchmarkTask; readonly notes: readonly string[] } {
  const { name, subject, rules, shots, questions, path } = parts;
  const borrows = parts.pool === null && rules.borrowsExamples;
  const [kept, pool] = borrows
    ? [questions.slice(0, -BORROWED_POOL), questions.slice(-BORROWED_POOL)]
    : [questions, parts.pool ?? []];
  const task: BenchmarkTask = {
    name,
    group: rules.group ?? name,
    version: rules.version,
    description: rules.description(subject),
    questions: kept,
    pool,
    shots,
    shotRule: rules.shotRule,
    scoring: name === 'truthfulqa_mc2' ? 'probability-mass' : 'accuracy',
    metrics: rules.metrics,
    headline: rules.headline,
  };
  const needed = shots === 0 ? 0 : shots + spareExamples(task);
  const examplesFile = rules.examplesFile(subject);
  if (pool.length < needed)
    problems.add({
      where: `${path}, ${shots} examples before a question`,
      expected: `a pool of at least ${needed}`,
      found: parts.pool === null && !borrows ? `no ${examplesFile}` : String(pool.length),
      fix: `put ${examplesFile} into the folder, or use fewer --shots`,
    });
  if (borrows && kept.length === 0)
    problems.add({
      where: path,
      expected: `more than ${BORROWED_POOL} questions, since the last ${BORROWED_POOL} serve as examples without ${examplesFile}`,
      found: String(questions.length),
      fix: `put ${examplesFile} into the folder, or use --shots 0`,
    });
  const note = `${name}: there is no ${examplesFile}, so examples come from the last ${BORROWED_POOL} questions of ${path}, which are not scored`;
  return { task, notes: borrows ? [note] : [] };
}
