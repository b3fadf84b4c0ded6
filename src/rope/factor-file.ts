import { type Problem, UserError } from '../errors.js';
import { factorVector } from './factor-vector.js';
import type { FactorVector } from './types.js';

/** What a factor file says; null where it is silent. */
export interface FactorSet {
  readonly factors: FactorVector;
  readonly attentionFactor: number | null;
  readonly startTokens: number;
  readonly originalLength: number | null;
  readonly targetLength: number | null;
}

export interface FactorFileContext {
  readonly rotaryPairs: number;
  /** Names the file in errors. */
  readonly name: string;
}

/**
 * Reads a factor file: JSON (our own object, a plain list, or anything with a `long_factor`), or CSV as the released code
 * writes it: one number a line, one row, or one equal row per layer; n + 1 numbers carry the start tokens first, n + 2 the
 * two piece borders of dim_piece_mono, which are dropped.
 */
export function parseFactorFile(text: string, context: FactorFileContext): FactorSet {
  return /^\s*[[{]/.test(text) ? parseJson(text, context) : parseCsv(text, context);
}

function parseCsv(text: string, { rotaryPairs, name }: FactorFileContext): FactorSet {
  const rows = text
    .split(/\r?\n/)
    .map((line) => line.trim().replace(/,$/, ''))
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/[,;\s]+/));
  if (rows.length === 0) throw new UserError('input', { where: name, expected: 'factors', found: 'an empty file' });
  const problems: Problem[] = [];
  const numbers = rows.map((row, line) =>
    row.map((cell, column) => {
      const value = Number(cell);
      if (cell === '' || !Number.isFinite(value))
        problems.push({ where: `${name}, row ${line + 1}, column ${column + 1}`, expected: 'a number', found: `'${cell}'` });
      return value;
    }),
  );
  if (problems.length > 0) throw new UserError('input', problems);
  const first = numbers[0] as number[];
  const single = first.length === 1 ? numbers.flat() : first;
  if (first.length > 1) requireEqualRows(numbers, name);
  return fromNumbers(single, rotaryPairs, name);
}

function requireEqualRows(rows: readonly (readonly number[])[], name: string): void {
  const different = rows.findIndex((row) => row.length !== rows[0]?.length || row.some((value, i) => value !== rows[0]?.[i]));
  if (different > 0)
    throw new UserError('unsupported', {
      where: `${name}, row ${different + 1}`,
      expected: 'the same factors for every layer',
      found: 'factors that differ from row 1',
    });
}

function fromNumbers(numbers: readonly number[], rotaryPairs: number, name: string): FactorSet {
  const extra = numbers.length - rotaryPairs;
  if (extra === 1 && !(Number.isSafeInteger(numbers[0]) && (numbers[0] as number) >= 0))
    throw new UserError('input', {
      where: name,
      expected: `${rotaryPairs} factors, or a whole number of start tokens and ${rotaryPairs} factors`,
      found: `${numbers.length} numbers, the first of them ${numbers[0]}`,
    });
  const skipped = extra === 1 || extra === 2 ? extra : 0;
  return {
    factors: factorVector(numbers.slice(skipped), rotaryPairs, name),
    attentionFactor: null,
    startTokens: extra === 1 ? (numbers[0] as number) : 0,
    originalLength: null,
    targetLength: null,
  };
}

function parseJson(text: string, context: FactorFileContext): FactorSet {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError('input', { where: context.name, expected: 'JSON', found: (error as Error).message });
  }
  if (Array.isArray(value)) return fromNumbers(numberList(value, context.name), context.rotaryPairs, context.name);
  const root = value as Record<string, unknown>;
  const block = [root['rope_scaling'], root['rope_parameters']].find(isRecord) ?? root;
  const list = block['factors'] ?? block['long_factor'];
  const problems: Problem[] = [];
  if (!Array.isArray(list))
    problems.push({ where: context.name, expected: 'a list named factors or long_factor', found: list === undefined ? 'neither' : typeof list });
  const number = (key: string, minimum: number, whole: boolean) => {
    const found = block[key] ?? root[key];
    if (found === undefined || found === null) return null;
    if (typeof found === 'number' && Number.isFinite(found) && found >= minimum && (!whole || Number.isSafeInteger(found))) return found;
    problems.push({ where: `${context.name}: ${key}`, expected: `a ${whole ? 'whole ' : ''}number of at least ${minimum}`, found: JSON.stringify(found) });
    return null;
  };
  const originalLength = number('original_max_position_embeddings', 1, true);
  const set = {
    attentionFactor: number('attention_factor', Number.MIN_VALUE, false),
    startTokens: number('start_tokens', 0, true) ?? 0,
    originalLength,
    targetLength: number('target_length', 1, true) ?? number('max_position_embeddings', 1, true),
  };
  if (problems.length > 0) throw new UserError('input', problems);
  return { factors: factorVector(numberList(list as unknown[], context.name), context.rotaryPairs, context.name), ...set };
}

function numberList(values: readonly unknown[], name: string): number[] {
  const problems = values.flatMap((value, i): Problem[] =>
    typeof value === 'number' ? [] : [{ where: `${name}[${i}]`, expected: 'a number', found: JSON.stringify(value) }],
  );
  if (problems.length > 0) throw new UserError('input', problems);
  return values as number[];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One factor a line, as the released tools read them, with the fewest digits that read back to the same number. */
export function formatFactorCsv(factors: FactorVector): string {
  return [...factors].map((factor) => `${factor}\n`).join('');
}

/** Everything about a factor set; `parseFactorFile` reads it back. */
export function formatFactorJson(set: FactorSet): string {
  return `${JSON.stringify(
    {
      factors: [...set.factors],
      attention_factor: set.attentionFactor,
      start_tokens: set.startTokens,
      original_max_position_embeddings: set.originalLength,
      target_length: set.targetLength,
    },
    null,
    2,
  )}\n`;
}
