import { type Problem, UserError } from '../errors.js';
import type { Json } from './types.js';

/** One hyper-parameter: what it may be, in words and as a test, and what it is when nothing is said. */
export interface Hyperparameter<T extends Json> {
  readonly value: T;
  readonly expected: string;
  readonly accepts: (value: unknown) => value is T;
}

export type HyperparameterTable = { readonly [key: string]: Hyperparameter<Json> };
export type HyperparameterValues<Table extends HyperparameterTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Hyperparameter<infer T> ? T : never;
};

export function integer(value: number, minimum: number): Hyperparameter<number> {
  return {
    value,
    expected: `an integer >= ${minimum}`,
    accepts: (v): v is number => typeof v === 'number' && Number.isSafeInteger(v) && v >= minimum,
  };
}

/** A number in the open-closed interval (above, most]. */
export function real(value: number, above: number, most: number): Hyperparameter<number> {
  return {
    value,
    expected: most === Number.POSITIVE_INFINITY ? `a number > ${above}` : `a number > ${above} and <= ${most}`,
    accepts: (v): v is number => typeof v === 'number' && Number.isFinite(v) && v > above && v <= most,
  };
}

/** A number in the half-open interval [0, end). */
export function below(value: number, end: number): Hyperparameter<number> {
  return {
    value,
    expected: `a number >= 0 and < ${end}`,
    accepts: (v): v is number => typeof v === 'number' && v >= 0 && v < end,
  };
}

/** A positive number or one of some words. */
export function numberOr<Word extends string>(
  value: number | Word,
  words: readonly Word[],
  number: Hyperparameter<number> = real(1, 0, Number.POSITIVE_INFINITY),
): Hyperparameter<number | Word> {
  return {
    value,
    expected: `${words.map((word) => `"${word}"`).join(' or ')} or ${number.expected}`,
    accepts: (v): v is number | Word => words.some((word) => word === v) || number.accepts(v),
  };
}

export function word<Word extends string>(value: Word, words: readonly Word[]): Hyperparameter<Word> {
  return {
    value,
    expected: words.map((w) => `"${w}"`).join(' or '),
    accepts: (v): v is Word => words.some((w) => w === v),
  };
}

/**
 * Fills in defaults. `input` is parsed JSON, or undefined for all defaults. Throws `UserError('input')` with every unknown
 * key (and the nearest known one) and every value out of range.
 */
export function parseHyperparameters<Table extends HyperparameterTable>(
  table: Table,
  input: unknown,
  where: string,
): HyperparameterValues<Table> {
  if (input !== undefined && (typeof input !== 'object' || input === null || Array.isArray(input))) {
    throw new UserError('input', { where, expected: 'a JSON object', found: describe(input) });
  }
  const given = new Map(Object.entries(input ?? {}));
  const problems: Problem[] = [];
  const values: Record<string, Json> = {};
  for (const [key, { value, expected, accepts }] of Object.entries(table)) {
    const asked = given.has(key) ? given.get(key) : value;
    given.delete(key);
    if (accepts(asked)) values[key] = asked;
    else problems.push({ where: `${where}, ${key}`, expected, found: describe(asked) });
  }
  for (const key of given.keys()) {
    const nearest = nearestWord(key, Object.keys(table));
    problems.push({
      where,
      expected: `only the keys ${Object.keys(table).join(', ')}`,
      found: `"${key}"`,
      ...(nearest === null ? {} : { fix: `did you mean "${nearest}"?` }),
    });
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return values as HyperparameterValues<Table>;
}

function describe(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

/** The word that the fewest edits (insert, delete, replace) lead to, if those are few. */
export function nearestWord(word: string, known: readonly string[]): string | null {
  let nearest: string | null = null;
  let fewest = Math.max(2, Math.ceil(word.length / 3)) + 1;
  for (const candidate of known) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest) [nearest, fewest] = [candidate, edits];
  }
  return nearest;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
