import { type Problem, UserError } from '../errors.js';
import { parseFactorCsv } from './factor-csv.js';
import { parseFactorJson } from './factor-json.js';
import type { FactorSet } from './factor-set.js';

export { formatFactorCsv } from './factor-csv.js';
export { formatFactorJson } from './factor-json.js';
export type { FactorSet } from './factor-set.js';

/**
 * A published 32 x 64 table has 51 kB, a Hugging Face config with two lists a few more; a hundred times that is another
 * kind of file, and naming each of its words as a bad number would help nobody.
 */
const MAX_CHARACTERS = 4 * 2 ** 20;

export interface FactorFileOptions {
  /** Rotary pairs of the model the factors are for; decides what 65 and 66 numbers mean, and is checked. */
  readonly rotaryPairs?: number;
  /** What the text is called in error messages, usually its path. */
  readonly name?: string;
}

/**
 * Parses a factor file: CSV as LongRoPE's code writes it, or JSON (this program's own form, a plain array, or a Hugging
 * Face config or scaling block with `long_factor`). Throws one UserError with every problem.
 */
export function parseFactorFile(text: string, options: FactorFileOptions = {}): FactorSet {
  try {
    if (text.length > MAX_CHARACTERS)
      throw new UserError('input', {
        where: 'text',
        expected: `a factor file of at most ${MAX_CHARACTERS} characters`,
        found: `${text.length}`,
      });
    // Editors on Windows may put a byte-order mark in front.
    const body = text.replace(/^\uFEFF/, '').trim();
    if (body === '')
      throw new UserError('input', { where: 'text', expected: 'rescale factors', found: 'an empty file' });
    return /^[[{]/.test(body) ? parseFactorJson(body, options.rotaryPairs) : parseFactorCsv(text, options.rotaryPairs);
  } catch (error) {
    if (!(error instanceof UserError) || options.name === undefined) throw error;
    const located = error.problems.map(
      (problem): Problem => ({ ...problem, where: `${options.name}: ${problem.where}` }),
    );
    throw new UserError(error.kind, located);
  }
}
