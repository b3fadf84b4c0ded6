// Writes rows that a model of this shape is trained on beside books, as JSONL, always the same bytes:
//   node models/tiny/training/make-rows.mjs BOOKS retrieval > retrieval-rows.jsonl
//   node models/tiny/training/make-rows.mjs BOOKS prose > prose-rows.jsonl
//   node models/tiny/training/make-rows.mjs BOOKS long > long-rows.jsonl
//   node models/tiny/training/make-rows.mjs BOOKS dense > dense-rows.jsonl
// retrieval: passkey episodes of up to 250 tokens, in the words of `longrope evaluate passkey` (half between repeated sentences, half
//   between sentences of a book), and spans of a book that are said twice: what teaches so small a model to look things up.
// prose: fewer of both, half of the book text with its line breaks (every 70 characters), and prose without them that nothing is
//   hidden in. A model that has met unwrapped text in `retrieval` alone takes all unwrapped text for an episode.
// long: passkey episodes of 300 to 16,000 tokens and as long pieces of books with passages of theirs said again at the end, for
//   fine-tuning on longer contexts (recipes/tiny-512x.yaml).
// dense: the same from 1,000 to 2,000 tokens, for rows of that length whose positions skip (recipes/tiny-512x-skipping.yaml); half of the
//   episodes in a piece of a book have eight keys of eight names, all asked for at its end.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Draws, openTokenizer, passkeyTask, textHaystack } from 'longrope';

/** How often each part of a kind is written. */
const RETRIEVAL = 9_000;
const PROSE = { passkeys: 6_000, repeated: 6_000, plain: 12_000 };
/** Tokens; every doubling of a length is as frequent as any other. */
const LONG = { rows: 1_200, least: 300, most: 16_000 };
const DENSE = { rows: 4_000, least: 1_000, most: 2_000, keys: 8 };
const CHARACTERS_PER_TOKEN = 3.32;

const KINDS = {
  retrieval: retrievalRows,
  prose: proseRows,
  long: (draws) => longRows(draws, LONG),
  dense: (draws) => longRows(draws, DENSE),
};
const [folder, kind] = process.argv.slice(2);
if (folder === undefined || !Object.hasOwn(KINDS, kind ?? ''))
  throw new Error(`expected a folder of books and one of: ${Object.keys(KINDS).join(', ')}`);
const tokenizer = await openTokenizer(path.join(import.meta.dirname, '..'));
const names = (await readdir(folder)).filter((name) => name.endsWith('.txt')).sort();
const books = await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8')));
KINDS[kind](new Draws([2026, kind === 'retrieval' ? 1128 : 1129]));

function write(text) {
  process.stdout.write(`${JSON.stringify({ text })}\n`);
}

function retrievalRows(draws) {
  const sentences = books.flatMap((book, i) => textHaystack(names[i], book, false, tokenizer).sentences);
  const words = (count) => {
    const found = [];
    for (let at = draws.between(0, sentences.length - 200); found.length < count; at++) found.push(...sentences[at].split(' '));
    return found.slice(0, count);
  };
  for (let trial = 0; trial < RETRIEVAL; trial++) {
    if (trial % 2 === 0) write(amongSentences(trial, draws.between(120, 250)));
    else {
      const key = number(draws);
      const filler = words(draws.between(10, 100));
      const place = draws.between(0, filler.length);
      write(episode(key, filler.slice(0, place).join(' '), filler.slice(place).join(' ')));
    }
    write(twice(draws, words(draws.between(12, 70)).join(' ')));
  }
}

function proseRows(draws) {
  for (let trial = 0; trial < PROSE.passkeys; trial++)
    write(
      trial % 2 === 0 ? amongSentences(trial, draws.between(120, 250)) : amongLines(draws, () => draws.between(60, 550)),
    );
  for (let i = 0; i < PROSE.repeated; i++) write(twice(draws, piece(draws, draws.between(60, 380))));
  for (let i = 0; i < PROSE.plain; i++) write(unwrapped(slice(draws, draws.between(400, 900))));
}

function longRows(draws, { rows, least, most, keys }) {
  for (let trial = 0; trial < rows; trial++) {
    const tokens = Math.round(least * (most / least) ** draws.uniform());
    const characters = Math.round(tokens * CHARACTERS_PER_TOKEN);
    if (trial % 3 === 0) write(amongSentences(trial, tokens));
    else if (trial % 3 === 2) write(quoted(draws, characters));
    else if (keys === undefined || trial % 2 === 0) write(amongLines(draws, () => characters));
    else write(severalKeys(draws, characters, keys));
  }
}

/** A piece of a book that ends with passages from anywhere in it: far more tokens to look up than the five digits of an episode. */
function quoted(draws, characters) {
  const text = piece(draws, Math.round(0.8 * characters));
  const quotes = [];
  for (let length = 0; length < 0.2 * characters; ) {
    const span = draws.between(100, Math.min(500, Math.round(0.2 * characters)));
    const from = draws.between(0, text.length - span - 1);
    quotes.push(text.slice(from, from + span).replace(/^\S*\s+/, '').replace(/\s+\S*$/, ''));
    length += span;
  }
  return [text, ...quotes].join('\n\n');
}

/** An episode of the paper's passkey task, `tokens` long. */
function amongSentences(trial, tokens) {
  const { promptIds, expected } = passkeyTask('paper').row({ tokenizer, length: tokens, seed: 7, trial });
  return `${tokenizer.decode([...promptIds.slice(1)])} ${expected[0]}.`;
}

/** An episode in a piece of a book, hidden at the end of a sentence. */
function amongLines(draws, characters) {
  const key = number(draws);
  const filler = piece(draws, characters());
  const breaks = [0, ...[...filler.matchAll(/[.!?]\s/g)].map(({ index }) => index + 1), filler.length];
  const place = breaks[draws.between(0, breaks.length - 1)];
  return episode(key, filler.slice(0, place).trim(), filler.slice(place).trim());
}

/** Many keys in a piece of a book, told apart by names of one capital letter: one row asks for all of them, in another order. */
function severalKeys(draws, characters, count) {
  const keys = shuffled(draws, [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']).slice(0, count).map((name) => ({ name, key: number(draws) }));
  const length = Math.round(0.75 * characters);
  const parts = piece(draws, length).split(/(?<=[.!?]\s)/);
  for (const { name, key } of keys) parts.splice(draws.between(0, parts.length), 0, `\nThe pass key of ${name} is ${key}. Remember it. `);
  const questions = shuffled(draws, keys).map(({ name, key }) => `What is the pass key of ${name}? The pass key of ${name} is ${key}.`);
  return [parts.join('').trim(), ...questions].join('\n');
}

function episode(key, before, after) {
  const hidden = `The pass key is ${key}. Remember it. ${key} is the pass key.`;
  const parts = [before, hidden, after].filter((part) => part !== '');
  return `${parts.join('\n')}\nWhat is the pass key? The pass key is ${key}.`;
}

function twice(draws, text) {
  return draws.uniform() < 0.5 ? `${text} ${text}` : `${text}\n${text}`;
}

function shuffled(draws, values) {
  return values
    .map((value) => ({ value, at: draws.uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

function number(draws) {
  return String(draws.between(10_000, 99_999));
}

/** Whole words of a book from anywhere, about so many characters. */
function slice(draws, characters) {
  const book = books[draws.between(0, books.length - 1)];
  const from = draws.between(0, book.length - characters - 1);
  return book.slice(from, from + characters).replace(/^\S*\s+/, '').replace(/\s+\S*$/, '');
}

function piece(draws, characters) {
  const text = slice(draws, characters);
  return draws.uniform() < 0.5 ? text : unwrapped(text);
}

function unwrapped(text) {
  return text.replaceAll('\r', '').replaceAll(/(?<!\n)\n(?!\n)/g, ' ');
}
