/**
 * What a user can get wrong, as data. A `UserError` is printed without a stack trace and ends the process with the exit
 * code of its kind; every other error is a bug and keeps its stack.
 */
export const EXIT_CODES = {
  usage: 2,
  input: 3,
  busy: 4,
  resource: 5,
  unsupported: 6,
  /** Not a mistake: `evaluate gate` found a loss past its limit, or `verify` a difference. */
  gate: 7,
  interrupted: 130,
} as const;

export type ErrorKind = keyof typeof EXIT_CODES;

/** One thing that is wrong: where it is, what was expected, what was found, and what to do about it. */
export interface Problem {
  readonly where: string;
  readonly expected: string;
  readonly found: string;
  readonly fix?: string;
}

export class UserError extends Error {
  override readonly name = 'UserError';
  readonly problems: readonly Problem[];

  constructor(
    readonly kind: ErrorKind,
    problems: Problem | readonly Problem[],
    options?: ErrorOptions,
  ) {
    const list = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    super(list.map(describeProblem).join('\n'), options);
    this.problems = list;
  }
}

export function describeProblem({ where, expected, found, fix }: Problem): string {
  return `${where}: expected ${expected}, found ${found}${fix === undefined ? '' : `; ${fix}`}`;
}
