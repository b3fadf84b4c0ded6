import { type Problem, UserError } from '../errors.js';
import type { FactorVector } from './types.js';

/** Below it a float32 frequency times a position overflows. The smallest published factors are a little below 1. */
const SMALLEST_FACTOR = 1e-6;

/**
 * Validates rescale factors and copies them. `values` may come from parsed text, hence `unknown`; without `rotaryPairs`
 * every length is accepted. Factors below 1 are legal, published files have them.
 * Throws one UserError that names every bad entry as `where[index]`.
 */
export function factorVector(values: ArrayLike<unknown>, rotaryPairs = values.length, where = 'factors'): FactorVector {
  const problems: Problem[] = [];
  if (values.length !== rotaryPairs || rotaryPairs === 0)
    problems.push({
      where,
      expected: rotaryPairs === 0 ? 'at least one factor' : `${rotaryPairs} factors, one per rotary pair`,
      found: `${values.length}`,
    });
  problems.push(...factorProblems(values, where));
  if (problems.length > 0) throw new UserError('input', problems);
  return Float64Array.from(values as ArrayLike<number>) as FactorVector;
}

/** Entries of a list that are no factors, whatever its length. */
export function* factorProblems(values: ArrayLike<unknown>, where: string): Generator<Problem> {
  for (let pair = 0; pair < values.length; pair++) {
    const value = values[pair];
    if (!(typeof value === 'number' && Number.isFinite(value) && value > 0))
      yield { where: `${where}[${pair}]`, expected: 'a finite number above 0', found: describe(value) };
    else if (value < SMALLEST_FACTOR)
      yield { where: `${where}[${pair}]`, expected: `at least ${SMALLEST_FACTOR}`, found: `${value}` };
  }
}

/** Whether no factor is smaller than the one before it. A property some searches ask for; published vectors lack it. */
export function isMonotone(factors: ArrayLike<number>): boolean {
  for (let i = 1; i < factors.length; i++) if ((factors[i] as number) < (factors[i - 1] as number)) return false;
  return true;
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
