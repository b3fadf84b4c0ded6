import { Draws, nameKey } from '../draws.js';
import { fitPrompt } from '../fit-prompt.js';
import type { SyntheticTask } from '../row.js';
import { letters } from '../words.js';

const NAME = 'fwe';
const ANSWERS = 3;
const LETTERS = 6;
/** Of RULER. */
const ANSWER_TOKENS = 50;
const NOISE = '...';
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';
/** Riemann zeta at RULER's exponent 2: pi^2 / 6. */
const ZETA = Math.PI ** 2 / 6;
/** The fewest draws of which the fourth rank still gets one. */
const MIN_DRAWS = 27;

/**
 * RULER's frequent words: coded words in Zipf proportions (exponent 2), of which the commonest is the noise "..."; the next
 * three are asked for.
 */
export const frequentWords: SyntheticTask = {
  name: NAME,
  answerTokens: () => ANSWER_TOKENS,
  row({ tokenizer, length, seed, trial }) {
    const keys = [seed, nameKey(NAME), length, trial];
    const draws = new Draws(keys);
    const words = draws.distinct(vocabularySize(length), () => letters(draws, LETTERS, ALPHABET));
    const { ids } = fitPrompt(tokenizer, length, ANSWER_TOKENS, {
      render: (count, pad) => {
        const counts = zipfCounts(count, words.length + 1);
        const all = [NOISE, ...words].flatMap((word, rank) =>
          Array.from({ length: counts[rank] as number }, () => word),
        );
        const text = new Draws([...keys, 1]).shuffled(all).join(' ');
        return question(pad === '' ? text : `${pad} ${text}`);
      },
      minUnits: MIN_DRAWS,
      maxUnits: Number.POSITIVE_INFINITY,
      padding: (units) => Array.from({ length: 8 * units }, () => NOISE).join(' '),
    });
    return { id: `${trial}`, promptIds: ids, answerTokens: ANSWER_TOKENS, expected: words.slice(0, ANSWERS), depth: 0 };
  },
};

/** One word for 50 tokens as RULER, and always more words than answers. */
function vocabularySize(length: number): number {
  return Math.max(ANSWERS + 2, Math.floor((length - ANSWER_TOKENS) / 50) - 1);
}

/**
 * draws / (zeta k^2) of rank k, rounded down; in small texts the ranks up to the last answer are raised so that each stands
 * above the next, as otherwise the question would have no answer.
 */
export function zipfCounts(draws: number, ranks: number): number[] {
  const counts = Array.from({ length: ranks }, (_, i) => Math.floor(draws / (ZETA * (i + 1) ** 2)));
  for (let rank = ANSWERS; rank >= 0; rank--)
    counts[rank] = Math.max(counts[rank] as number, (counts[rank + 1] as number) + 1);
  return counts;
}

function question(text: string): string {
  return (
    'Read the following coded text and track the frequency of each coded word. Find the three most frequently appeared coded words. ' +
    `${text}\nQuestion: Do not provide any explanation. Please ignore the dots '....'. What are the three most frequently appeared words in the above coded text? ` +
    'Answer: According to the coded text above, the three most frequently appeared words are:'
  );
}
