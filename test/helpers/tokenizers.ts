import path from 'node:path';
import { openTokenizer, type Tokenizer } from '../../src/corpus/index.js';
import { SHARED } from './stories260k.js';
import { TINY } from './tiny-model.js';

/** Counts depend on everything before: a token is any three characters. What no rule about joints of texts survives. */
export const threeCharacters: Tokenizer = {
  encode: (text) => {
    const ids = new Int32Array(Math.ceil(text.length / 3));
    for (let i = 0; i < ids.length; i++) {
      const codes = [0, 1, 2].map((k) => text.charCodeAt(3 * i + k) || 0);
      ids[i] = (codes[0]! % 512) * 262_144 + (codes[1]! % 512) * 512 + (codes[2]! % 512);
    }
    return ids;
  },
  decode: (ids) =>
    Array.from(ids, (id) => String.fromCharCode(id >> 18, (id >> 9) & 511, id & 511).replaceAll('\0', '')).join(''),
  vocabularySize: 2 ** 27,
  bosTokenId: null,
  addsBos: false,
  eosTokenId: null,
  hash: '',
};

/** Words with the blank before them: fast, and easy to reckon with. */
export function wordTokenizer(): Tokenizer {
  const ids = new Map<string, number>();
  const words: string[] = [];
  return {
    encode: (text) =>
      Int32Array.from(text.match(/\s*\S+|\s+$/g) ?? [], (word) => {
        const id = ids.get(word) ?? words.push(word) - 1;
        ids.set(word, id);
        return id;
      }),
    decode: (tokens) => Array.from(tokens, (id) => words[id]).join(''),
    vocabularySize: 2 ** 20,
    bosTokenId: null,
    addsBos: false,
    eosTokenId: null,
    hash: '',
  };
}

/** Byte-level BPE with digits apart, a larger one of a GGUF, SentencePiece without pre-tokenisation, and a hostile one. */
export const TOKENIZERS: Readonly<Record<string, () => Promise<Tokenizer>>> = {
  tiny: () => openTokenizer(TINY),
  SmolLM2: () => openTokenizer(path.join(SHARED, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf')),
  SentencePiece: () => openTokenizer(path.resolve(import.meta.dirname, '../oracle/tokenizer-sentencepiece.json')),
  'three characters': async () => threeCharacters,
};
