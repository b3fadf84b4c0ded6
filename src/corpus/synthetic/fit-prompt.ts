import { concatenate } from '../concatenate.js';
import type { Tokenizer } from '../types.js';
import { RowRefused } from './row.js';

/** A prompt of adjustable size. */
export interface Layout {
  /** Text with so many units of filler, and `pad` where filler may begin in the middle of a unit. */
  readonly render: (units: number, pad: string) => string;
  /** Units it cannot do without. */
  readonly minUnits: number;
  /** Units there are; infinite where filler repeats. */
  readonly maxUnits: number;
  /** Filler of so many units, whose end is put in front to make up the count. */
  readonly padding: (units: number) => string;
}

export interface FittedPrompt {
  /** BOS first if the tokenizer has one. */
  readonly ids: Int32Array;
  readonly units: number;
}

/**
 * A prompt of exactly `length - answerTokens` tokens: as many whole units as fit, and in front of them the end of the padding,
 * cut at a word and, where words are several tokens, at a token. Works on the ids of whole texts and supposes nothing about
 * how a tokenizer treats joints, so the count is exact for every tokenizer. Throws `RowRefused` if not even the prompt without
 * filler fits, or if all filler there is does not fill the length.
 */
export function fitPrompt(tokenizer: Tokenizer, length: number, answerTokens: number, layout: Layout): FittedPrompt {
  const bos = tokenizer.bosTokenId === null ? [] : [tokenizer.bosTokenId];
  const budget = length - answerTokens - bos.length;
  const encode = (units: number, pad = '') => tokenizer.encode(layout.render(units, pad));
  const reserved = answerTokens + bos.length;
  const smallest = encode(Math.min(layout.minUnits, layout.maxUnits));
  if (smallest.length > budget) throw budgetTooSmall(smallest.length + reserved, length);
  const { units, ids: without } = largest(encode, budget, layout, smallest, tokenizer);
  if (units >= layout.maxUnits && without.length < budget) throw haystackTooShort(without.length + reserved, length);
  return { ids: concatenate(bos, exactly(budget, units, without)), units };

  function exactly(target: number, units: number, without: Int32Array): Int32Array {
    if (without.length === target) return without;
    let words: string[] = [];
    for (let padding = 1; words.length === 0 || encode(units, words.join(' ')).length < target; padding *= 2)
      words = layout.padding(padding).split(' ');
    // The fewest words from the end of the padding that reach the target.
    let [below, reached] = [0, words.length];
    while (below + 1 < reached) {
      const middle = (below + reached) >> 1;
      if (encode(units, lastWords(words, middle)).length < target) below = middle;
      else reached = middle;
    }
    const longer = encode(units, lastWords(words, reached));
    return withoutExcess(longer, encode(units, lastWords(words, below)), longer.length - target);
  }
}

function budgetTooSmall(minimum: number, length: number): RowRefused {
  return new RowRefused(
    {
      expected: `at least ${minimum} tokens for prompt and answer with this tokenizer`,
      found: `${length}`,
      fix: 'use a longer length or leave the task out',
    },
    minimum - length,
  );
}

function haystackTooShort(longest: number, length: number): RowRefused {
  return new RowRefused(
    {
      expected: `text that fills ${length} tokens`,
      found: `text for ${longest}`,
      fix: 'give a longer --haystack or use a shorter length',
    },
    length - longest,
  );
}

function lastWords(words: readonly string[], count: number): string {
  return count === 0 ? '' : words.slice(-count).join(' ');
}

/** The most units whose text is no longer than the budget, by secants between what has been measured. */
function largest(
  encode: (units: number) => Int32Array,
  budget: number,
  { minUnits, maxUnits, padding }: Layout,
  smallest: Int32Array,
  tokenizer: Tokenizer,
): { units: number; ids: Int32Array } {
  let low = { units: minUnits, ids: smallest };
  let high: { units: number; tokens: number } | null = null;
  let perUnit = Math.max(1, tokenizer.encode(padding(8)).length / 8);
  for (let step = 1; low.units < maxUnits && low.units + 1 !== high?.units; step++) {
    const gap = budget - low.ids.length;
    if (high !== null) perUnit = (high.tokens - low.ids.length) / (high.units - low.units);
    // Halving now and then: units of very different sizes would make secants creep.
    const guess =
      high !== null && step % 4 === 0 ? (low.units + high.units) >> 1 : low.units + Math.floor(gap / perUnit);
    const units = Math.min(Math.max(guess, low.units + 1), (high?.units ?? Number.POSITIVE_INFINITY) - 1, maxUnits);
    const ids = encode(units);
    if (ids.length > budget) high = { units, tokens: ids.length };
    else {
      if (ids.length > low.ids.length) perUnit = (ids.length - low.ids.length) / (units - low.units);
      low = { units, ids };
    }
  }
  return low;
}

/**
 * `longer` is `without` with something put in: drops `excess` tokens from the front of what was put in, so that its end joins
 * what follows. What was put in is what lies between the longest common end and the longest common beginning.
 */
function withoutExcess(longer: Int32Array, without: Int32Array, excess: number): Int32Array {
  let end = 0;
  while (end < without.length && longer.at(-1 - end) === without.at(-1 - end)) end++;
  let start = 0;
  while (start < without.length - end && longer[start] === without[start]) start++;
  return concatenate(longer.subarray(0, start), longer.subarray(start + excess));
}
