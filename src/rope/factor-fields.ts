import { type Problem, UserError } from '../errors.js';
import { factorVector } from './factor-vector.js';
import type { FactorVector } from './types.js';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The attention factor divides by the logarithm of the length. */
export const MIN_ORIGINAL_LENGTH = 2;

/** Readers of the fields of factor files: each adds what is wrong to `problems`, so that one error names all of it. */
export function factorList(
  value: unknown,
  where: string,
  rotaryPairs: number | undefined,
  problems: Problem[],
): FactorVector | undefined {
  if (!Array.isArray(value)) {
    problems.push({ where, expected: 'a list of factors', found: found(value) });
    return undefined;
  }
  try {
    return factorVector(value, rotaryPairs, where);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

export function positive(value: unknown, where: string, problems: Problem[]): number | null {
  if (value === undefined || value === null) return null;
  // Tables are float32: what is 0 or infinite there is no number of anything.
  const single = typeof value === 'number' ? Math.fround(value) : 0;
  if (typeof value === 'number' && Number.isFinite(single) && single > 0) return value;
  problems.push({ where, expected: 'a finite number above 0, or null', found: found(value) });
  return null;
}

export function integer(value: unknown, where: string, minimum: number, problems: Problem[]): number | null {
  if (value === undefined || value === null) return null;
  if (Number.isSafeInteger(value) && (value as number) >= minimum) return value as number;
  problems.push({ where, expected: `a whole number of at least ${minimum}, or null`, found: found(value) });
  return null;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function found(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'object' && value !== null ? 'an object or list' : JSON.stringify(value).slice(0, 60);
}
