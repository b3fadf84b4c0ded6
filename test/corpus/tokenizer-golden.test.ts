import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildTokenizer } from '../../src/corpus/tokenizer/build-tokenizer.js';
import { tokenizerFromGguf } from '../../src/corpus/tokenizer/gguf.js';
import { openTokenizer } from '../../src/corpus/tokenizer/open-tokenizer.js';
import type { Tokenizer } from '../../src/corpus/types.js';
import { openGguf } from '../../src/model/checkpoint/gguf.js';
import type { GgufValue } from '../../src/model/types.js';
import { firstCharacters, oracleTexts, shared } from './texts.js';

interface Digest {
  readonly count: number;
  readonly sha256: string;
  readonly first: readonly number[];
}
interface Golden {
  readonly texts: Readonly<Record<string, string>>;
  readonly tricky_texts: readonly string[];
  readonly tokenizers: Readonly<
    Record<
      string,
      { characters: number | null; english: Digest; latex: Digest; unicode: Digest; tricky: readonly number[][] }
    >
  >;
}
interface SentencePieceFile {
  normalizer: unknown;
  pre_tokenizer: unknown;
  model: { vocab: Record<string, number>; merges: [string, string][]; byte_fallback: boolean };
}

const oracle = path.resolve(import.meta.dirname, '../oracle');
const readOracle = (file: string): unknown => JSON.parse(readFileSync(path.join(oracle, file), 'utf8'));
const golden = readOracle('tokenizer-golden.json') as Golden;
const sentencePiece = () => readOracle('tokenizer-sentencepiece.json') as SentencePieceFile;
const smollm = path.join(shared, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf');

const texts = oracleTexts();
const build = (file: unknown) => buildTokenizer(file, { bos: null, eos: null }, 'test');

function changed(change: (file: SentencePieceFile) => void): Tokenizer {
  const file = sentencePiece();
  change(file);
  return build(file);
}

function metaspace(prepend_scheme: string, split: boolean): Tokenizer {
  return changed((file) => {
    file.normalizer = null;
    file.pre_tokenizer = { type: 'Metaspace', replacement: '\u2581', prepend_scheme, split };
  });
}

/** The vocabulary as a GGUF of kind `llama` stores it: no merges, only scores. */
function fromScores(): Tokenizer {
  const tokens = Object.entries(sentencePiece().model.vocab)
    .sort((a, b) => a[1] - b[1])
    .map(([token]) => token);
  const type = (token: string, id: number) => (id === 0 ? 2 : id < 3 ? 3 : /^<0x..>$/.test(token) ? 6 : 1);
  return tokenizerFromGguf(
    new Map<string, GgufValue>([
      ['tokenizer.ggml.model', 'llama'],
      ['tokenizer.ggml.tokens', tokens],
      ['tokenizer.ggml.scores', tokens.map((_, id) => -id)],
      ['tokenizer.ggml.token_type', tokens.map(type)],
      ['tokenizer.ggml.unknown_token_id', 0],
    ]),
    'test',
  );
}

async function smollmWith(pre: string): Promise<Tokenizer> {
  const { metadata } = await openGguf(smollm);
  return tokenizerFromGguf(new Map(metadata).set('tokenizer.ggml.pre', pre), 'test');
}

const openers: Readonly<Record<string, () => Tokenizer | Promise<Tokenizer>>> = {
  'tiny-pg19': () => openTokenizer(path.join(shared, 'models/tiny-pg19')),
  sentencepiece: () => openTokenizer(path.join(oracle, 'tokenizer-sentencepiece.json')),
  'gguf:smollm': () => openTokenizer(smollm),
  'sentencepiece:crossing': () =>
    changed(({ model }) => {
      for (const [left, right] of [
        ['e', '\u2581'],
        [',', '\u2581'],
        ['d', '\u2581the'],
        ['s', '\u2581'],
      ] as const) {
        model.vocab[left + right] = Object.keys(model.vocab).length;
        model.merges.splice(40, 0, [left, right]);
      }
    }),
  'sentencepiece:without-fallback': () =>
    changed(({ model }) => {
      model.byte_fallback = false;
    }),
  'sentencepiece:from-scores': fromScores,
  'metaspace:first': () => metaspace('first', false),
  'metaspace:always': () => metaspace('always', true),
  'gguf:gpt-2': () => smollmWith('gpt-2'),
  'gguf:llama-bpe': () => smollmWith('llama-bpe'),
  'gguf:qwen2': () => smollmWith('qwen2'),
  'gguf:tekken': () => smollmWith('tekken'),
};

function digest(ids: Int32Array): Digest {
  const bytes = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
  return {
    count: ids.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    first: Array.from(ids.slice(0, 12)),
  };
}

describe('ids of the Rust tokenizers', () => {
  it('are compared on the same texts', () => {
    for (const [name, text] of Object.entries(texts))
      expect(createHash('sha256').update(text, 'utf8').digest('hex'), name).toBe(golden.texts[name]);
    expect(Object.keys(openers)).toEqual(Object.keys(golden.tokenizers));
  });

  describe.each(Object.keys(openers))('%s', (name) => {
    const expected = golden.tokenizers[name]!;

    it('short texts', async () => {
      const tokenizer = await openers[name]!();
      for (const [i, text] of golden.tricky_texts.entries())
        expect(Array.from(tokenizer.encode(text)), JSON.stringify(text)).toEqual(expected.tricky[i]);
    });

    it.each(['english', 'latex', 'unicode'] as const)('%s', async (kind) => {
      const tokenizer = await openers[name]!();
      const text = expected.characters === null ? texts[kind] : firstCharacters(texts[kind], expected.characters);
      expect(digest(tokenizer.encode(text))).toEqual(expected[kind]);
    });
  });
});
