import { concatenate } from '../concatenate.js';
import type { TokenDocument, Tokenizer } from '../types.js';
import { Draws, nameKey } from './draws.js';
import { RowRefused } from './row.js';
import { digits, wordPair } from './words.js';

const DIGITS = 7;

/** A document with a needle in it, the question and the answer at its end; BOS first if the tokenizer has one. */
export interface NeedleDocument {
  /** Exactly as many as were asked for. */
  readonly ids: Int32Array;
  /** First token of the answer, which reaches to the end. */
  readonly scoreFrom: number;
  /** Where the needle begins. */
  readonly needleAt: number;
}

export interface NeedleDocumentRequest {
  readonly tokenizer: Tokenizer;
  /** Has to hold as many tokens as the length leaves room for. */
  readonly document: TokenDocument;
  /** Tokens in all, BOS, question and answer included. */
  readonly length: number;
  /** Share of the document's tokens before the needle, 0 to 1. */
  readonly depth: number;
  readonly seed: number;
}

/**
 * The row of needle-driven perplexity (LongRoPE2, section 5.2 and appendix C): an instruction, a document with one sentence
 * "One of the special magic numbers for TOPIC is: 7 digits." at the sentence end nearest to the depth, the question, the answer. Topic
 * and number follow from seed, length, depth and the document's name. Built of tokens, not of text, so that the length is exact and
 * documents of a data set need no text. Throws `RowRefused` where length or document is too short.
 */
export function needleDocument({ tokenizer, document, length, depth, seed }: NeedleDocumentRequest): NeedleDocument {
  const draws = new Draws([seed, nameKey('needle document'), length, Math.round(depth * 1e6), nameKey(document.id)]);
  const topic = wordPair(draws).replace('-', ' ');
  const value = digits(draws, DIGITS);
  const bos = tokenizer.bosTokenId === null ? [] : [tokenizer.bosTokenId];
  const head = concatenate(bos, tokenizer.encode(`${INSTRUCTION}\n`));
  const needle = tokenizer.encode(` One of the special magic numbers for ${topic} is: ${value}.\n`);
  const lead = question(topic);
  const end = tokenizer.encode(`${lead} ${value}`);
  const answerTokens = end.length - commonStart(end, tokenizer.encode(lead));
  const around = head.length + needle.length + end.length;
  const room = length - around;
  if (room < 1) throw refused(`at least ${around + 1} tokens for needle, question and answer`, length, -room);
  const text = document.ids.subarray(0, room);
  if (text.length < room)
    throw refused(`a document of at least ${room} tokens`, document.ids.length, room - text.length);
  const place = nearestSentenceEnd(text, Math.round(depth * room), tokenizer);
  const ids = concatenate(head, text.subarray(0, place), needle, text.subarray(place), end);
  return { ids, scoreFrom: length - answerTokens, needleAt: head.length + place };
}

const INSTRUCTION =
  'A special magic number is hidden in the following text. Remember it, as I will ask for it afterwards.';

function question(topic: string): string {
  return `\nWhat is the special magic number for ${topic} in the text above? The special magic number for ${topic} is`;
}

function commonStart(a: Int32Array, b: Int32Array): number {
  let count = 0;
  while (count < a.length && count < b.length && a[count] === b[count]) count++;
  return count;
}

/** How many tokens stand before the sentence boundary nearest to `wanted`, the earlier of two; the ends of the text are boundaries. */
function nearestSentenceEnd(text: Int32Array, wanted: number, tokenizer: Tokenizer): number {
  const isEnd = (place: number) =>
    place === 0 ||
    place === text.length ||
    (place > 0 &&
      place < text.length &&
      /(?:[.!?]["'”’)\]]*\s*|\n)$/.test(tokenizer.decode(text.subarray(place - 1, place))));
  for (let distance = 0; ; distance++) {
    if (isEnd(wanted - distance)) return wanted - distance;
    if (isEnd(wanted + distance)) return wanted + distance;
  }
}

function refused(expected: string, found: number, missing: number): RowRefused {
  return new RowRefused({ expected, found: `${found}`, fix: 'use a longer length or longer documents' }, missing);
}
