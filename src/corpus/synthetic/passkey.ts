import { concatenate } from '../concatenate.js';
import { Draws, nameKey } from './draws.js';
import { fitPrompt } from './fit-prompt.js';
import { FILLER, FILLER_SENTENCES } from './haystack.js';
import type { RowRequest, SyntheticTask } from './row.js';

export const PASSKEY_PROTOCOLS = ['paper', 'released'] as const;
export type PasskeyProtocol = (typeof PASSKEY_PROTOCOLS)[number];

const TASK =
  'There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you about the important information there.';
const QUESTION = 'What is the pass key? The pass key is';
const hidden = (key: string) => `The pass key is ${key}. Remember it. ${key} is the pass key.`;

/** Five digits are at most six tokens with the blank before them; two more let an answer begin with something else. */
const PAPER_ANSWER_TOKENS = 8;
/** Of the released script. */
const RELEASED_ANSWER_TOKENS = 10;
const RELEASED_CHARACTERS_PER_TOKEN = 3.65;

/**
 * The passkey test of the LongRoPE paper: a five-digit key between repeated sentences, at a place drawn uniformly from all
 * sentence ends; prompt and answer together have exactly the asked length.
 */
export const paperPasskey: SyntheticTask = {
  name: 'passkey',
  answerTokens: () => PAPER_ANSWER_TOKENS,
  row({ tokenizer, length, seed, trial }) {
    const draws = new Draws([seed, nameKey('passkey'), length, trial]);
    const key = String(draws.between(10_000, 99_999));
    const position = draws.uniform();
    const before = (units: number) => Math.floor(position * (units + 1));
    const { ids, units } = fitPrompt(tokenizer, length, PAPER_ANSWER_TOKENS, {
      render: (count, pad) => {
        const first = before(count);
        const prefix = filler(first);
        const suffix = filler(count - first);
        return first > 0 || count === 0
          ? lines(TASK, joined(pad, prefix), hidden(key), suffix, QUESTION)
          : lines(TASK, hidden(key), joined(pad, suffix), QUESTION);
      },
      minUnits: 0,
      maxUnits: Number.POSITIVE_INFINITY,
      padding: filler,
    });
    return {
      id: `${trial}`,
      promptIds: ids,
      answerTokens: PAPER_ANSWER_TOKENS,
      expected: [key],
      depth:
        units === 0
          ? 0
          : filler(before(units)).length /
            Math.max(1, filler(before(units)).length + filler(units - before(units)).length),
    };
  },
};

/**
 * What evaluation/passkey.py of the released code asks: a key from 1 to 50000, text of 3.65 characters per asked token, cut
 * in the middle of words. Seed 42 gives the script's own prompts, draw for draw. The token count comes out as it does: it misses
 * the length by some per cent, either way.
 */
export const releasedPasskey: SyntheticTask = {
  name: 'passkey',
  answerTokens: () => RELEASED_ANSWER_TOKENS,
  exceedsLength: true,
  row(request) {
    const { text, key, depth } = releasedPrompt(request);
    const { tokenizer, trial } = request;
    const bos = tokenizer.bosTokenId === null ? [] : [tokenizer.bosTokenId];
    const promptIds = concatenate(bos, tokenizer.encode(text));
    return { id: `${trial}`, promptIds, answerTokens: RELEASED_ANSWER_TOKENS, expected: [key], depth };
  },
};

export function releasedPrompt({ length, seed, trial }: Pick<RowRequest, 'length' | 'seed' | 'trial'>) {
  const characters = Math.floor(length * RELEASED_CHARACTERS_PER_TOKEN);
  // The script seeds once per length and draws place and key of one sample after the other.
  const draws = new Draws([seed]);
  let place = 0;
  let key = '';
  for (let i = 0; i <= trial; i++) {
    place = draws.between(0, characters);
    key = String(draws.between(1, 50_000));
  }
  const garbage = `${FILLER} `.repeat(Math.ceil(characters / FILLER.length) + 1);
  const text = [TASK, garbage.slice(0, place), hidden(key), garbage.slice(0, characters - place), QUESTION].join('\n');
  return { text, key, depth: characters === 0 ? 0 : place / characters };
}

export function passkeyTask(protocol: PasskeyProtocol): SyntheticTask {
  return protocol === 'paper' ? paperPasskey : releasedPasskey;
}

function filler(sentences: number): string {
  return Array.from({ length: sentences }, (_, i) => FILLER_SENTENCES[i % FILLER_SENTENCES.length]).join(' ');
}

function joined(pad: string, text: string): string {
  return [pad, text].filter((part) => part !== '').join(' ');
}

function lines(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n');
}
