import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildTokenizer } from '../../src/corpus/tokenizer/build-tokenizer.js';
import { tokenizerFromGguf } from '../../src/corpus/tokenizer/gguf.js';
import { GGUF_PRE_TOKENIZERS } from '../../src/corpus/tokenizer/gguf-pre-tokenizers.js';
import { openTokenizer } from '../../src/corpus/tokenizer/open-tokenizer.js';
import { buildPreTokenizer } from '../../src/corpus/tokenizer/pre-tokenizer.js';
import type { PreTokenizerStep } from '../../src/corpus/tokenizer/schema.js';
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
  readonly added_tokens: readonly object[];
  readonly added: readonly (readonly { readonly text: string; readonly ids: readonly number[] }[])[];
  readonly splits: readonly (Digest & { readonly step: object })[];
  readonly pieces: readonly { readonly step: PreTokenizerStep; readonly count: number; readonly sha256: string }[];
}
interface SentencePieceFile {
  added_tokens: object[];
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

/** The same text as every_code_point() in parity/tokenizer_golden.py. */
function everyCodePoint(): string {
  let text = '';
  for (let c = 0; c < 0x34000; c++) if (c < 0xd800 || c >= 0xe000) text += `'${String.fromCodePoint(c)}x`;
  return text;
}

describe('pieces of the Rust pre-tokenizers', () => {
  const text = everyCodePoint();
  const cases = golden.pieces.map((piece) => ({ ...piece, title: JSON.stringify(piece.step) }));
  it.each(cases)('for every code point: $title', ({ step, count, sha256 }) => {
    const pieces: string[] = [];
    buildPreTokenizer([step])(text, true, (piece) => pieces.push(piece));
    expect(pieces.length).toBe(count);
    expect(createHash('sha256').update(pieces.join('\n'), 'utf8').digest('hex')).toBe(sha256);
  });

  it('covers the pre-tokenizers of GGUF files', () => {
    const patterns = golden.pieces.map(({ step }) => JSON.stringify(step));
    for (const name of ['llama-bpe', 'qwen2', 'tekken']) {
      const { pretokenizers } = GGUF_PRE_TOKENIZERS.get(name)!.preTokenizer as { pretokenizers: object[] };
      expect(patterns, name).toContain(JSON.stringify(pretokenizers[0]));
    }
  });
});

describe('ids of the Rust tokenizers', () => {
  it('are compared on the same texts', () => {
    for (const [name, text] of Object.entries(texts))
      expect(createHash('sha256').update(text, 'utf8').digest('hex'), name).toBe(golden.texts[name]);
    expect(Object.keys(openers)).toEqual(Object.keys(golden.tokenizers));
  });

  describe.each(Object.keys(openers))('%s', (name) => {
    const expected = golden.tokenizers[name]!;
    let tokenizer: Tokenizer;
    beforeAll(async () => {
      tokenizer = await openers[name]!();
    });

    it('short texts', () => {
      for (const [i, text] of golden.tricky_texts.entries())
        expect(Array.from(tokenizer.encode(text)), JSON.stringify(text)).toEqual(expected.tricky[i]);
    });

    it.each(['english', 'latex', 'unicode'] as const)('%s', (kind) => {
      const text = expected.characters === null ? texts[kind] : firstCharacters(texts[kind], expected.characters);
      expect(digest(tokenizer.encode(text))).toEqual(expected[kind]);
    });
  });

  const tiny = () =>
    JSON.parse(readFileSync(path.join(shared, 'models/tiny-pg19/tokenizer.json'), 'utf8')) as SentencePieceFile;

  it('of added tokens that take blanks, are words of their own, or are normalised', () => {
    for (const [i, file] of [tiny(), sentencePiece()].entries()) {
      const start = Object.keys(file.model.vocab).length;
      file.added_tokens.push(...golden.added_tokens.map((token, k) => ({ id: start + k, ...token })));
      const tokenizer = build(file);
      for (const { text, ids } of golden.added[i]!)
        expect(Array.from(tokenizer.encode(text)), JSON.stringify(text)).toEqual(ids);
    }
  });

  const splits = golden.splits.map(({ step, ...expected }) => ({ title: JSON.stringify(step), step, expected }));
  it.each(splits)('of $title', ({ step, expected }) => {
    const file = tiny();
    const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: false };
    file.pre_tokenizer = { type: 'Sequence', pretokenizers: [step, byteLevel] };
    const text = [...texts.english.slice(0, 9000)].slice(5000, 8000).join('') + firstCharacters(texts.unicode, 3000);
    expect(digest(build(file).encode(text))).toEqual(expected);
  });
});
