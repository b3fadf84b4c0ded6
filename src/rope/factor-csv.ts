import { type Problem, UserError } from '../errors.js';
import type { FactorSet } from './factor-set.js';
import { factorVector } from './factor-vector.js';

/** Beyond this the text is no factor file, and more of the same says nothing new. */
const MAX_PROBLEMS = 100;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

interface Row {
  readonly line: number;
  readonly values: readonly number[];
}

/**
 * Parses what `numpy.savetxt` and the LongRoPE branches write: one number per line, one row, or one row per layer, which
 * must all be equal; cells separated by commas or spaces, `#` starts a comment. Given the number of rotary pairs n, n+1
 * numbers are start tokens and factors (`dim_mono_n`), n+2 are alpha, beta and factors (`dim_piece_mono`).
 */
export function parseFactorCsv(text: string, rotaryPairs?: number): FactorSet {
  const values = oneVector(parseRows(text));
  const { startTokens, factors } = splitPrefix(values, rotaryPairs);
  return {
    factors: factorVector(factors, rotaryPairs),
    attentionFactor: null,
    startTokens,
    originalLength: null,
    targetLength: null,
  };
}

/**
 * One factor per line, in the shortest form that reads back to the same number. The form cannot carry an attention factor
 * or start tokens; `formatFactorJson` can.
 */
export function formatFactorCsv(factors: ArrayLike<number>): string {
  return Array.from(factors, (factor) => `${factor}\n`).join('');
}

function parseRows(text: string): readonly Row[] {
  const problems: Problem[] = [];
  const rows: Row[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const content = raw.replace(/#.*/, '').trim();
    if (content === '') continue;
    const cells = content.split(/\s*,\s*|\s+/);
    for (const [column, cell] of cells.entries())
      if (!NUMBER.test(cell))
        problems.push({
          where: `line ${index + 1}, column ${column + 1}`,
          expected: 'a number',
          found: cell === '' ? 'nothing' : JSON.stringify(cell.slice(0, 40)),
        });
    if (problems.length > MAX_PROBLEMS) break;
    rows.push({ line: index + 1, values: cells.map(Number) });
  }
  if (problems.length > 0) throw new UserError('input', problems.slice(0, MAX_PROBLEMS));
  if (rows.length === 0)
    throw new UserError('input', { where: 'text', expected: 'rescale factors', found: 'only comments' });
  return rows;
}

/** A column, a row, or the row that all layers share. */
function oneVector(rows: readonly Row[]): readonly number[] {
  const [first, ...others] = rows as readonly [Row, ...Row[]];
  if (rows.every(({ values }) => values.length === 1)) return rows.map(({ values }) => values[0] as number);
  const problems: Problem[] = [];
  for (const { line, values } of others) {
    if (values.length !== first.values.length) {
      problems.push({
        where: `line ${line}`,
        expected: `${first.values.length} numbers, as on line ${first.line}`,
        found: `${values.length}`,
      });
      continue;
    }
    const column = values.findIndex((value, i) => value !== first.values[i]);
    if (column >= 0)
      problems.push({
        where: `line ${line}, column ${column + 1}`,
        expected: `${first.values[column]}, as on line ${first.line}: one set of factors for all layers`,
        found: `${values[column]}`,
      });
  }
  if (problems.length > 0) throw new UserError('input', problems.slice(0, MAX_PROBLEMS));
  return first.values;
}

function splitPrefix(
  values: readonly number[],
  pairs: number | undefined,
): { readonly startTokens: number; readonly factors: readonly number[] } {
  if (pairs === undefined || values.length === pairs) return { startTokens: 0, factors: values };
  if (values.length === pairs + 1) {
    const [startTokens, ...factors] = values as [number, ...number[]];
    if (!(Number.isSafeInteger(startTokens) && startTokens >= 0))
      throw new UserError('input', {
        where: 'first number',
        expected: `start tokens (a whole number), because ${pairs} factors follow it`,
        found: `${startTokens}`,
      });
    return { startTokens, factors };
  }
  if (values.length === pairs + 2) {
    const [alpha, beta, ...factors] = values as [number, number, ...number[]];
    // Dropping two numbers is safe only if they cannot be factors of another model.
    if (!(Number.isInteger(alpha) && Number.isInteger(beta) && 0 <= alpha && alpha <= beta && beta < pairs))
      throw new UserError('input', {
        where: 'first two numbers',
        expected: `alpha and beta (pairs, alpha <= beta < ${pairs}), because ${pairs} factors follow them`,
        found: `${alpha}, ${beta}`,
      });
    return { startTokens: 0, factors };
  }
  throw new UserError('input', {
    where: 'factors',
    expected: `${pairs} factors, one per rotary pair (or ${pairs + 1} numbers with start tokens first, ${pairs + 2} with alpha and beta first)`,
    found: `${values.length}`,
  });
}
