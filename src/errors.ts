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
  /** Not a mistake: `extend` goes on when a training elsewhere has given back its checkpoint. */
  handoff: 8,
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

/** A damaged file can have as many problems as bytes, and name them at any length; `problems` has all of it. */
const MAX_PROBLEMS = 100;
const MAX_PART_LENGTH = 500;

export class UserError extends Error {
  override readonly name = 'UserError';
  readonly problems: readonly Problem[];

  constructor(
    readonly kind: ErrorKind,
    problems: Problem | readonly Problem[],
    options?: ErrorOptions,
  ) {
    const list = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    const told = list.slice(0, MAX_PROBLEMS).map(describeProblem);
    if (list.length > MAX_PROBLEMS) told.push(`... and ${list.length - MAX_PROBLEMS} more problems`);
    super(told.join('\n'), options);
    this.problems = list;
  }
}

export function describeProblem({ where, expected, found, fix }: Problem): string {
  return `${clip(where)}: expected ${clip(expected)}, found ${clip(found)}${fix === undefined ? '' : `; ${clip(fix)}`}`;
}

function clip(text: string): string {
  return text.length > MAX_PART_LENGTH ? `${text.slice(0, MAX_PART_LENGTH)}...` : text;
}
