import { Draws, nameKey } from './draws.js';
import { fitPrompt } from './fit-prompt.js';
import { type Haystack, inserted, placesAt, sentencesBefore, sentencesFrom } from './haystack.js';
import type { SyntheticTask } from './row.js';
import { CITIES, digits } from './words.js';

const DIGITS = 7;

/** Each has a city of its own. */
export const MAX_NEEDLES = 20;

export interface NeedleSettings {
  /** Of the first needle, 0 to 1; the others stand at even distances between it and the end. */
  readonly depth: number;
  readonly needles: number;
}

/**
 * Needles "The special magic CITY number is: 7 digits." at sentence ends of a haystack, all asked for at once; prompt and answer
 * together have exactly the asked length. City and number follow from seed, length, depth and trial.
 */
export function needleTask({ depth, needles }: NeedleSettings): SyntheticTask {
  // Digits may be tokens each, a separator and the city may be repeated before each; 8 to begin with.
  const answerTokens = needles * (DIGITS + 1) + (needles - 1) * 16 + 8;
  return {
    name: `needle at depth ${depth}`,
    answerTokens: () => answerTokens,
    row({ tokenizer, length, seed, trial, haystack }) {
      const draws = new Draws([seed, nameKey('needle'), length, Math.round(depth * 1e6), trial]);
      const cities = draws.distinct(needles, () => draws.pick(CITIES));
      const values = draws.distinct(needles, () => digits(draws, DIGITS));
      const start = draws.integer(haystack.sentences.length);
      const depths = cities.map((_, i) => depth + ((1 - depth) * i) / needles);
      const texts = cities.map((city, i) => `The special magic ${city} number is: ${values[i]}.`);
      const { ids } = fitPrompt(tokenizer, length, answerTokens, {
        render: (units, pad) => {
          const places = placesAt(haystack, start, units, depths);
          const hay = inserted(
            sentencesFrom(haystack, start, units),
            texts.map((text, i) => ({ text, place: places[i] as number })),
          );
          return `${INTRODUCTION}\n${pad === '' ? '' : `${pad} `}${hay.join(' ')}\n${question(cities)}`;
        },
        minUnits: 0,
        maxUnits: maxSentences(haystack),
        padding: (units) => sentencesBefore(haystack, start, units).join(' '),
      });
      return { id: `${depth}/${trial}`, promptIds: ids, answerTokens, expected: values, depth };
    },
  };
}

const INTRODUCTION =
  'Special magic numbers are hidden in the following text. Remember them. I will ask for them afterwards.';

function question(cities: readonly string[]): string {
  if (cities.length === 1)
    return `What is the special magic ${cities[0]} number? The special magic ${cities[0]} number is:`;
  const named = `${cities.slice(0, -1).join(', ')} and ${cities.at(-1)}`;
  return `What are the special magic numbers of ${named}? The special magic numbers of ${named} are, in this order:`;
}

/** How many sentences a row may hold. */
export function maxSentences({ repeats, sentences }: Haystack): number {
  return repeats ? Number.POSITIVE_INFINITY : sentences.length;
}
