import { type Problem, UserError } from '../../errors.js';
import type { DatasetName, FoundFile } from './datasets/find-files.js';

/** Names of the tasks that one file of questions serves. */
export function taskNames(dataset: DatasetName, subject: string): readonly string[] {
  if (dataset === 'mmlu') return [`mmlu_${subject}`];
  return dataset === 'truthfulqa' ? ['truthfulqa_mc1', 'truthfulqa_mc2'] : [dataset];
}

/** The tasks meant by `asked` (`mmlu` and `truthfulqa` are several), all available ones without it. */
export function selectTasks(found: readonly FoundFile[], asked: readonly string[] | undefined): ReadonlySet<string> {
  const questions = found.filter(({ split }) => split === 'questions');
  const available = questions.flatMap(({ dataset, subject }) => taskNames(dataset, subject));
  if (asked === undefined) return new Set(available);
  const problems: Problem[] = [];
  const chosen = asked.flatMap((name) => {
    const names =
      name === 'mmlu' || name === 'truthfulqa' ? available.filter((task) => task.startsWith(`${name}_`)) : [name];
    if (names.length > 0 && names.every((task) => available.includes(task))) return names;
    const few = [...new Set(questions.map(({ dataset }) => dataset))];
    problems.push({
      where: '--tasks',
      expected: `tasks whose files are in the folder: ${few.join(', ')}${few.includes('mmlu') ? ' or mmlu_SUBJECT' : ''}`,
      found: JSON.stringify(name),
      fix: 'correct the name, or name the folder with its files with --data',
    });
    return [];
  });
  if (problems.length > 0) throw new UserError('usage', problems);
  return new Set(chosen);
}
