import { Draws, nameKey } from '../draws.js';
import { fitPrompt } from '../fit-prompt.js';
import { FILLER, type Haystack } from '../haystack.js';
import type { SyntheticTask } from '../row.js';
import { commonVocabulary } from '../words.js';

const NAME = 'cwe';
const COMMON = 10;
/** Of RULER. */
const ANSWER_TOKENS = 120;

interface Repeats {
  readonly common: number;
  readonly uncommon: number;
}

interface Setting extends Repeats {
  /** Uncommon words there must be at least. */
  readonly minUncommon: number;
  readonly example: (Repeats & { readonly words: number }) | null;
}

/** RULER has one setting from 4096 tokens on and one below; under 1024 there is no room for its solved example. */
function settingAt(length: number): Setting {
  if (length >= 4096)
    return { common: 30, uncommon: 3, minUncommon: 10, example: { words: 40, common: 10, uncommon: 3 } };
  if (length >= 1024)
    return { common: 6, uncommon: 1, minUncommon: 10, example: { words: 20, common: 3, uncommon: 1 } };
  return { common: 3, uncommon: 1, minUncommon: 5, example: null };
}

/** RULER's common words: ten words stand more often than all others in a numbered list; all ten are asked for. */
export const commonWords: SyntheticTask = {
  name: NAME,
  answerTokens: () => ANSWER_TOKENS,
  row({ tokenizer, length, seed, trial, haystack }) {
    const keys = [seed, nameKey(NAME), length, trial];
    const setting = settingAt(length);
    const vocabulary = new Draws(keys).shuffled(vocabularyOf(haystack));
    const { example } = setting;
    // The example takes its words from the end, so that it shares none with the list.
    const shown = example === null ? '' : solved(vocabulary.slice(-example.words), example, [...keys, 1]);
    const words = vocabulary.slice(0, vocabulary.length - (example?.words ?? 0));
    const { ids } = fitPrompt(tokenizer, length, ANSWER_TOKENS, {
      render: (uncommon, pad) =>
        `${pad === '' ? '' : `${pad}\n`}${shown}${question(listed(words.slice(0, COMMON + uncommon), setting, [...keys, 2]))}`,
      minUnits: setting.minUncommon,
      maxUnits: words.length - COMMON,
      padding: (units) => Array.from({ length: units }, () => FILLER).join(' '),
    });
    return { id: `${trial}`, promptIds: ids, answerTokens: ANSWER_TOKENS, expected: words.slice(0, COMMON), depth: 0 };
  },
};

const vocabularies = new WeakMap<Haystack, readonly string[]>();

/** Kept per haystack: it is the same for every row. */
function vocabularyOf(haystack: Haystack): readonly string[] {
  const known = vocabularies.get(haystack) ?? commonVocabulary(haystack.sentences);
  vocabularies.set(haystack, known);
  return known;
}

function listed(words: readonly string[], { common, uncommon }: Repeats, keys: readonly number[]): string {
  const all = words.flatMap((word, i) => Array.from({ length: i < COMMON ? common : uncommon }, () => word));
  return new Draws(keys)
    .shuffled(all)
    .map((word, i) => `${i + 1}. ${word}`)
    .join(' ');
}

function question(list: string): string {
  return (
    'Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones that appear most often.\n' +
    `${list}\nQuestion: What are the ${COMMON} most common words in the above list? ` +
    `Answer: The top ${COMMON} words that appear most often in the list are:`
  );
}

function solved(words: readonly string[], repeats: Repeats, keys: readonly number[]): string {
  const answer = words.slice(0, COMMON).map((word, i) => `${i + 1}. ${word}`);
  return `${question(listed(words, repeats, keys))} ${answer.join(' ')}\n`;
}
