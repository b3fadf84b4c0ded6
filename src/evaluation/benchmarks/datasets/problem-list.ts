import { describeProblem, type Problem, UserError } from '../../../errors.js';

/** A file in the wrong format is wrong in every line; so many tell as much. */
const MOST = 30;

/** What is wrong with benchmark files, gathered over all of them so that one error names everything. */
export class ProblemList {
  private readonly problems = new Map<string, Problem>();

  /** How often something was found wrong, repetitions included. */
  found = 0;

  add(problem: Problem): void {
    this.found++;
    // Two tasks may read one file.
    this.problems.set(describeProblem(problem), problem);
  }

  throwIfAny(): void {
    const { size } = this.problems;
    if (size === 0) return;
    const shown = [...this.problems.values()].slice(0, MOST);
    if (size > MOST)
      shown.push({ where: 'the benchmark files', expected: 'no problems', found: `${size - MOST} more` });
    throw new UserError('input', shown);
  }
}
