import { type Problem, UserError } from '../errors.js';
import type { FactorVector } from './types.js';

/** Validates rescale factors; throws one UserError that names every bad entry. */
export function factorVector(values: ArrayLike<number>, rotaryPairs = values.length, where = 'factors'): FactorVector {
  const problems: Problem[] = [];
  if (values.length !== rotaryPairs)
    problems.push({ where, expected: `${rotaryPairs} factors, one per rotary pair`, found: `${values.length}` });
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!(Number.isFinite(value) && value > 0))
      problems.push({ where: `${where}[${i}]`, expected: 'a finite number above 0', found: String(value) });
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return Float64Array.from(values) as FactorVector;
}

export function isMonotone(factors: ArrayLike<number>): boolean {
  for (let i = 1; i < factors.length; i++) if ((factors[i] as number) < (factors[i - 1] as number)) return false;
  return true;
}
