import type { Tokenizer } from '../types.js';

/** The filler of the passkey test, of RULER's noise, and of the released script. */
export const FILLER_SENTENCES = [
  'The grass is green.',
  'The sky is blue.',
  'The sun is yellow.',
  'Here we go.',
  'There and back again.',
] as const;
export const FILLER = FILLER_SENTENCES.join(' ');

/** Sentences that needles are hidden between, in their order; the first follows the last. */
export interface Haystack {
  /** As protocols call it. */
  readonly name: string;
  readonly sentences: readonly string[];
  /** Tokens of each sentence by itself. */
  readonly tokens: readonly number[];
  /** Whether a row may hold a sentence twice. */
  readonly repeats: boolean;
}

export function fillerHaystack(tokenizer: Tokenizer): Haystack {
  return measured('repeated sentences', FILLER_SENTENCES, true, tokenizer);
}

export function textHaystack(name: string, text: string, repeats: boolean, tokenizer: Tokenizer): Haystack {
  return measured(name, splitSentences(text), repeats, tokenizer);
}

function measured(name: string, sentences: readonly string[], repeats: boolean, tokenizer: Tokenizer): Haystack {
  return { name, repeats, sentences, tokens: sentences.map((sentence) => tokenizer.encode(` ${sentence}`).length) };
}

/**
 * Text as sentences without line breaks. A rule of our own and not Intl.Segmenter's, whose results change with the ICU of
 * each Node: a sentence ends with . ! or ? (and closing quotes or brackets) before a blank and something that is no small
 * letter; titles such as "Mr." do not end one.
 */
export function splitSentences(text: string): string[] {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat
    .split(/(?<=[.!?]["'”’)\]]*)(?<!\b(?:Mr|Mrs|Ms|Dr|St|Capt|No|Vol|[A-Z])\.) (?!\p{Ll})/u)
    .filter((sentence) => sentence !== '');
}

/** `count` sentences from `start` on, round the end where needed. */
export function sentencesFrom({ sentences }: Haystack, start: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => sentences[(start + i) % sentences.length] as string);
}

/** The `count` sentences before `start`. */
export function sentencesBefore(haystack: Haystack, start: number, count: number): string[] {
  const { length } = haystack.sentences;
  return sentencesFrom(haystack, (((start - count) % length) + length) % length, count);
}

/**
 * Between which of `count` sentences from `start` each depth lies: how many stand before it, so that their tokens come nearest
 * to that share of all.
 */
export function placesAt(haystack: Haystack, start: number, count: number, depths: readonly number[]): number[] {
  const ends = new Float64Array(count + 1);
  for (let i = 0; i < count; i++)
    ends[i + 1] = (ends[i] as number) + (haystack.tokens[(start + i) % haystack.tokens.length] as number);
  return depths.map((depth) => {
    const wanted = depth * (ends[count] as number);
    let place = 0;
    while (
      place < count &&
      Math.abs((ends[place + 1] as number) - wanted) <= Math.abs((ends[place] as number) - wanted)
    )
      place++;
    return place;
  });
}

/** The units with each text put in after so many of them; texts of one place keep their order. */
export function inserted(units: readonly string[], texts: readonly { place: number; text: string }[]): string[] {
  const ordered = texts.map((entry, order) => ({ ...entry, order }));
  ordered.sort((a, b) => a.place - b.place || a.order - b.order);
  const all: string[] = [];
  let next = 0;
  for (let i = 0; i <= units.length; i++) {
    for (; next < ordered.length && (ordered[next]?.place as number) <= i; next++)
      all.push(ordered[next]?.text as string);
    if (i < units.length) all.push(units[i] as string);
  }
  return all;
}
