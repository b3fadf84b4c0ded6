import type { Tokenizer } from '../types.js';
import type { Haystack } from './haystack.js';

/** One question whose answer stands in its own text. */
export interface SyntheticRow {
  /** Names the row within its task and length. */
  readonly id: string;
  /** BOS first if the tokenizer has one. */
  readonly promptIds: Int32Array;
  /** Tokens kept free for the answer: prompt and answer together make the length. */
  readonly answerTokens: number;
  /** What has to be in the answer. */
  readonly expected: readonly string[];
  /** Share of the haystack's tokens before the first needle, 0 to 1; 0 for tasks without needles. */
  readonly depth: number;
}

/** What a row is made for; together with its trial it determines every draw. */
export interface RowRequest {
  readonly tokenizer: Tokenizer;
  /** Tokens of prompt and answer together. */
  readonly length: number;
  readonly trial: number;
  readonly seed: number;
  readonly haystack: Haystack;
}

/** A family of synthetic rows. */
export interface SyntheticTask {
  readonly name: string;
  /** Tokens kept free for the answer at a length. */
  answerTokens(length: number): number;
  /** Rows that may be longer than what they were made for, each by something else. */
  readonly exceedsLength?: true;
  /** Throws `RowRefused`. */
  row(request: RowRequest): SyntheticRow;
}

/** A length and a row that do not go together: what is wrong, in tokens. */
export class RowRefused extends Error {
  constructor(
    readonly problem: { readonly expected: string; readonly found: string; readonly fix: string },
    /** Of several trials the one that misses by most is reported. */
    readonly missingTokens: number,
  ) {
    super(`expected ${problem.expected}, found ${problem.found}`);
  }
}
