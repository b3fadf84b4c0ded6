// Writes the rows that a model of this shape learns retrieval from, beside books, as JSONL, always the same bytes:
//   node models/tiny/training/make-rows.mjs BOOKS > rows.jsonl
//   node models/tiny/training/make-rows.mjs BOOKS --numbers > number-rows.jsonl
//   node models/tiny/training/make-rows.mjs BOOKS --long > long-rows.jsonl
// Passkey episodes of up to 250 tokens, in the words of `longrope evaluate passkey` (half between repeated sentences, half between
// lines of a book), and pieces of a book that are said twice: what teaches so small a model to look things up. Books have a line
// break every 70 characters; half of all book text here, and the pieces of prose that nothing is hidden in, are without them.
// --numbers: lists of numbers said two or three times, where nothing but the copy can be foreseen.
// --long: passkey episodes of 300 to 16,000 tokens, for fine-tuning on longer contexts (recipes/tiny-512x.yaml).
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Draws, openTokenizer, passkeyTask } from 'longrope';

const PASSKEYS = 6_000;
const REPEATED = 6_000;
const PROSE = 12_000;
const NUMBERS = 8_000;
const LONG = 900;
/** Tokens; every doubling of a length is as frequent as any other. */
const LONG_TOKENS = [300, 16_000];
const CHARACTERS_PER_TOKEN = 3.32;

const [folder, kind] = process.argv.slice(2);
if (folder === undefined) throw new Error('name the folder of books');
const tokenizer = await openTokenizer(path.join(import.meta.dirname, '../../../models/tiny'));
const names = (await readdir(folder)).filter((name) => name.endsWith('.txt')).sort();
const books = await Promise.all(names.map((name) => readFile(path.join(folder, name), 'utf8')));

const draws = new Draws([2026, 1129]);
const write = (text) => process.stdout.write(`${JSON.stringify({ text })}\n`);

const KINDS = { '--numbers': numberRows, '--long': longRows };
(KINDS[kind] ?? shortRows)();

function shortRows() {
  for (let trial = 0; trial < PASSKEYS; trial++)
    write(trial % 2 === 0 ? amongSentences(trial, draws.between(120, 250)) : amongLines(() => draws.between(60, 550)));
  for (let i = 0; i < REPEATED; i++) {
    const text = piece(draws.between(60, 380));
    write(draws.uniform() < 0.5 ? `${text} ${text}` : `${text}\n${text}`);
  }
  for (let i = 0; i < PROSE; i++) write(unwrapped(slice(draws.between(400, 900))));
}

function numberRows() {
  const one = (of) => of[draws.between(0, of.length - 1)];
  for (let i = 0; i < NUMBERS; i++) {
    const count = one([1, 1, 2, 2, 3, 4, 5, 6, 8, 10, 12]);
    const list = Array.from({ length: count }, number).join(one([' ', ', ', '\n']));
    write(Array(one([2, 2, 3])).fill(list).join(one(['\n', ' ', '. ', '\n\n'])));
  }
}

function number() {
  return String(draws.between(10_000, 99_999));
}

function longRows() {
  const [least, most] = LONG_TOKENS;
  for (let trial = 0; trial < LONG; trial++) {
    const tokens = Math.round(least * (most / least) ** draws.uniform());
    write(trial % 2 === 0 ? amongSentences(trial, tokens) : amongLines(() => Math.round(tokens * CHARACTERS_PER_TOKEN)));
  }
}

/** Whole words of a book from anywhere, about so many characters. */
function slice(characters) {
  const book = books[draws.between(0, books.length - 1)];
  const from = draws.between(0, book.length - characters - 1);
  return book.slice(from, from + characters).replace(/^\S*\s+/, '').replace(/\s+\S*$/, '');
}

function unwrapped(text) {
  return text.replaceAll('\r', '').replaceAll(/(?<!\n)\n(?!\n)/g, ' ');
}

function piece(characters) {
  const text = slice(characters);
  return draws.uniform() < 0.5 ? text : unwrapped(text);
}

function amongSentences(trial, length) {
  const { promptIds, expected } = passkeyTask('paper').row({ tokenizer, length, seed: 7, trial });
  return `${tokenizer.decode([...promptIds.slice(1)])} ${expected[0]}.`;
}

function amongLines(characters) {
  const key = number();
  const filler = piece(characters());
  const breaks = [0, ...[...filler.matchAll(/[.!?]\s/g)].map(({ index }) => index + 1), filler.length];
  const place = breaks[draws.between(0, breaks.length - 1)];
  const hidden = `The pass key is ${key}. Remember it. ${key} is the pass key.`;
  const parts = [filler.slice(0, place).trim(), hidden, filler.slice(place).trim()].filter((part) => part !== '');
  return `${parts.join('\n')}\nWhat is the pass key? The pass key is ${key}.`;
}
