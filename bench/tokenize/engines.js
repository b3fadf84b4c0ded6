/**
 * Speed of the project's tokenizer against the two ready-made engines, on one core, with a check that all ids are equal.
 *
 *   node bench/tokenize/engines.js [shared folder]        needs a built project (npm run build)
 *
 * Every figure is the best of RUNS passes over a fresh text, MB of UTF-8 per second; the ratio is to the native engine.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer as NativeTokenizer } from '@anush008/tokenizers';
import { Tokenizer as PureTokenizer } from '@huggingface/tokenizers';
import { openTokenizer } from '../../dist/corpus/index.js';

const RUNS = 3;
const shared = path.resolve(process.argv[2] ?? '../shared');
const root = path.resolve(import.meta.dirname, '../..');

const tokenizers = {
  'byte-level (tiny-pg19)': path.join(shared, 'models/tiny-pg19/tokenizer.json'),
  SentencePiece: path.join(root, 'test/oracle/tokenizer-sentencepiece.json'),
};
const read = (file) => readFileSync(path.join(shared, 'data', file), 'utf8').slice(0, 1_000_000);
const texts = {
  English: read('pg19/validation/10905.txt'),
  LaTeX: read('proof-pile/test/hott-book.txt'),
};

async function fastest(open, encode, text) {
  let best = Number.POSITIVE_INFINITY;
  let ids = [];
  for (let run = 0; run < RUNS; run++) {
    // A new tokenizer each time: a warm word cache would flatter the engines that keep one.
    const tokenizer = await open();
    const start = performance.now();
    ids = await encode(tokenizer, text);
    best = Math.min(best, performance.now() - start);
  }
  return { ids, speed: Buffer.byteLength(text) / 1e3 / best };
}

for (const [kind, file] of Object.entries(tokenizers)) {
  const json = readFileSync(file, 'utf8');
  const engines = {
    longrope: [() => openTokenizer(file), (tokenizer, text) => tokenizer.encode(text)],
    '@anush008/tokenizers (native)': [
      () => NativeTokenizer.fromString(json),
      async (tokenizer, text) => (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds(),
    ],
    '@huggingface/tokenizers (JS)': [
      () => new PureTokenizer(JSON.parse(json), {}),
      (tokenizer, text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
    ],
  };
  for (const [name, text] of Object.entries(texts)) {
    const results = {};
    for (const [engine, [open, encode]] of Object.entries(engines)) results[engine] = await fastest(open, encode, text);
    const native = results['@anush008/tokenizers (native)'];
    for (const [engine, { ids, speed }] of Object.entries(results)) {
      const same = ids.length === native.ids.length && native.ids.every((id, i) => id === Number(ids[i]));
      console.log(
        `${kind.padEnd(24)}${name.padEnd(9)}${engine.padEnd(31)}${speed.toFixed(2).padStart(7)} MB/s${(speed / native.speed).toFixed(2).padStart(7)}x  ${same ? 'same ids' : 'OTHER IDS'}`,
      );
    }
  }
}
