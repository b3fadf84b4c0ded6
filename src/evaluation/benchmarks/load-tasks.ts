import { buildTask } from './build-task.js';
import { ARC } from './datasets/arc.js';
import { type FoundFile, findBenchmarkFiles } from './datasets/find-files.js';
import { HELLASWAG } from './datasets/hellaswag.js';
import { MMLU } from './datasets/mmlu.js';
import { ProblemList } from './datasets/problem-list.js';
import { type DatasetFormat, type Questions, readQuestions } from './datasets/read-questions.js';
import { TRUTHFULQA } from './datasets/truthfulqa.js';
import type { BenchmarkTask, Question } from './question.js';
import { RULES } from './rules.js';
import { selectTasks, taskNames } from './select-tasks.js';

export interface TaskSelection {
  /** Folder with the files. */
  readonly data: string;
  /** Names of tasks or of `mmlu` and `truthfulqa` as a whole; all that are found when left out. */
  readonly tasks?: readonly string[];
  /** Examples before each question, for all tasks that take any. */
  readonly shots?: number;
  /** Only the first so many questions of each task. */
  readonly limit?: number;
}

export interface LoadedTasks {
  readonly tasks: readonly BenchmarkTask[];
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly questions: number }[];
  readonly notes: readonly string[];
}

/** Finds, reads and checks the files of the tasks that were asked for. All problems of all files come as one error. */
export async function loadTasks(selection: TaskSelection): Promise<LoadedTasks> {
  const found = await findBenchmarkFiles(selection.data);
  const wanted = selectTasks(found, selection.tasks);
  const problems = new ProblemList();
  const files: { path: string; sha256: string; questions: number }[] = [];
  const read = async <Entry extends object>(file: FoundFile | undefined, format: DatasetFormat<Entry>) => {
    if (file === undefined) return null;
    const content: Questions<Entry> = await readQuestions(file.paths, format, problems);
    files.push(...content.files);
    return content.entries;
  };
  const tasks: BenchmarkTask[] = [];
  const notes: string[] = [];
  for (const file of found.filter(({ split }) => split === 'questions')) {
    const { dataset, subject, paths } = file;
    const rules = RULES[dataset];
    const shots = rules.takesShots ? (selection.shots ?? rules.defaultShots) : 0;
    const examples = found.find(
      (other) => other.split === 'examples' && other.dataset === dataset && other.subject === subject,
    );
    for (const name of taskNames(dataset, subject).filter((task) => wanted.has(task))) {
      const questions = (await read(file, formatOf(name))) ?? [];
      const pool = shots === 0 ? [] : await read(examples, formatOf(name));
      const built = buildTask({ name, subject, rules, shots, questions, pool, path: paths[0] as string }, problems);
      notes.push(...built.notes);
      tasks.push(firstQuestions(built.task, selection.limit));
      if (!rules.takesShots && (selection.shots ?? 0) > 0)
        notes.push(`${name}: no further examples before a question, as in lm-evaluation-harness`);
    }
  }
  problems.throwIfAny();
  return { tasks, files: unique(files), notes };
}

function formatOf(name: string): DatasetFormat<Question> {
  if (name === 'arc_challenge') return ARC;
  if (name === 'hellaswag') return HELLASWAG;
  if (!name.startsWith('truthfulqa')) return MMLU;
  const reading = name === 'truthfulqa_mc1' ? 'mc1' : 'mc2';
  return {
    ...TRUTHFULQA,
    entry: (value, index) => {
      const entry = TRUTHFULQA.entry(value, index);
      return 'found' in entry ? entry : entry[reading];
    },
    key: ({ prompt }) => JSON.stringify(prompt.slice(prompt.lastIndexOf('Q: ') + 3, -'\nA:'.length)),
  };
}

function firstQuestions(task: BenchmarkTask, limit: number | undefined): BenchmarkTask {
  return limit === undefined ? task : { ...task, questions: task.questions.slice(0, limit) };
}

function unique<File extends { readonly path: string }>(files: readonly File[]): File[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}
