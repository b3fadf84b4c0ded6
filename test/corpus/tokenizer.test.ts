import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasTokenizer, openTokenizer, tokenizerFromGguf } from '../../src/corpus/index.js';
import { buildTokenizer } from '../../src/corpus/tokenizer/build-tokenizer.js';
import { translatePattern } from '../../src/corpus/tokenizer/oniguruma.js';
import { UserError } from '../../src/errors.js';
import type { GgufValue } from '../../src/model/types.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { shared } from './texts.js';

const sentencePiecePath = path.resolve(import.meta.dirname, '../oracle/tokenizer-sentencepiece.json');
const tinyPath = path.join(shared, 'models/tiny-pg19');
const json = () => JSON.parse(readFileSync(path.join(tinyPath, 'tokenizer.json'), 'utf8'));
const build = (file: unknown) => buildTokenizer(file, { bos: null, eos: null }, 'tokenizer.json');

function refusal(run: () => unknown): UserError {
  try {
    run();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('openTokenizer', () => {
  it('knows the boundary tokens of tokenizer_config.json', async () => {
    expect(await openTokenizer(tinyPath)).toMatchObject({ bosTokenId: 1, eosTokenId: 2, vocabularySize: 4096 });
    const file = path.join(tinyPath, 'tokenizer.json');
    expect(await openTokenizer(file)).toMatchObject({ bosTokenId: 1, eosTokenId: 2 });
    const alone = path.join(await temporaryFolder(), 'tokenizer.json');
    await copyFile(file, alone);
    expect(await openTokenizer(alone)).toMatchObject({ bosTokenId: null });
    const gguf = path.join(shared, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf');
    const ofFile = await openTokenizer(gguf);
    expect(ofFile).toMatchObject({ bosTokenId: 1, eosTokenId: 2, vocabularySize: 49152 });
    expect(await openTokenizer(path.dirname(gguf))).toMatchObject({ hash: ofFile.hash, bosTokenId: 1 });
    expect(await hasTokenizer(path.dirname(gguf))).toBe(true);
  });

  it('hashes what decides about ids, and only that', () => {
    const changed = (change: (file: ReturnType<typeof json>) => void) => {
      const file = json();
      change(file);
      return build(file).hash;
    };
    const { hash } = build(json());
    const decoder = (file: ReturnType<typeof json>) => {
      file.decoder = null;
      file.post_processor = null;
    };
    expect(changed(decoder)).toBe(hash);
    expect(changed((file) => file.model.merges.pop())).not.toBe(hash);
    expect(changed((file) => file.added_tokens.pop())).not.toBe(hash);
  });

  it('tells what is missing or not JSON', async () => {
    await expect(openTokenizer('/nowhere/at/all')).rejects.toThrow(UserError);
    const folder = await mkdtemp(path.join(os.tmpdir(), 'longrope-tokenizer-'));
    try {
      await expect(openTokenizer(folder)).rejects.toThrow(/expected a tokenizer\.json, found none/);
      await writeFile(path.join(folder, 'tokenizer.json'), '{');
      await expect(openTokenizer(folder)).rejects.toThrow(/expected JSON/);
      await writeFile(path.join(folder, 'tokenizer.json'), '[]');
      await expect(openTokenizer(folder)).rejects.toThrow(UserError);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('decode', () => {
  it.each([tinyPath, sentencePiecePath])('gives back what was encoded: %s', async (file) => {
    const tokenizer = await openTokenizer(file);
    // U+2581 stands for a blank in SentencePiece and comes back as one; added tokens get a blank of their own.
    const text = fc.string({ unit: 'binary' }).filter((s) => !/[\u2581]|<(s|\/s|unk)>/.test(s));
    fc.assert(
      fc.property(text, (s) => {
        expect(tokenizer.decode(tokenizer.encode(s))).toBe(s);
      }),
    );
  });
});

describe('what cannot be reproduced exactly is refused', () => {
  it.each([
    ['a Unigram model', { model: { type: 'Unigram', vocab: [['a', 0]] } }, 'model.type'],
    ['dropout', { model: { ...json().model, dropout: 0.1 } }, 'model.dropout'],
    ['another normaliser', { normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKC' }] } }, 'normalizer'],
    ['another pre-tokenizer', { pre_tokenizer: { type: 'BertPreTokenizer' } }, 'pre_tokenizer'],
    [
      'a step after ByteLevel',
      { pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'ByteLevel' }, { type: 'Digits' }] } },
      'pre_tokenizer',
    ],
  ])('%s', (_, change, where) => {
    const error = refusal(() => build({ ...json(), ...change }));
    expect(error.kind).toBe('unsupported');
    expect(error.problems[0]!.where).toContain(where);
  });

  it.each([
    'a++',
    'a{2}+',
    '\\w',
    '[a[b]]',
    '[a&&b]',
    '(?<n>a)',
    '(?>a)',
    '\\p{Han}',
    '\\h',
    '^a',
    'a{,3}',
    '\\1',
    '(?i)a',
  ])('the pattern %s', (pattern) => {
    expect(() => translatePattern(pattern)).toThrow(/in the pattern/);
  });

  it('merges and ids that do not fit together, all at once', () => {
    const file = json();
    file.model.merges.push(['a', 'no such token'], 'three in one');
    file.model.unk_token = '<nothing>';
    expect(refusal(() => build(file)).problems).toHaveLength(3);
    const added = json();
    added.added_tokens[1].id = 7;
    expect(refusal(() => build(added)).message).toContain('added token "<s>": expected id 1, found 7');
  });

  it('GGUF tokenizers of unknown kind', () => {
    const metadata = (entries: Record<string, GgufValue>) =>
      new Map(Object.entries(entries).map(([key, value]) => [`tokenizer.ggml.${key}`, value] as const));
    const message = (entries: Record<string, GgufValue>) =>
      refusal(() => tokenizerFromGguf(metadata(entries), 'x.gguf')).message;
    expect(message({})).toContain('expected gpt2 or llama, found nothing');
    expect(message({ model: 'bert' })).toContain('found bert');
    expect(message({ model: 'gpt2', tokens: ['a'], merges: [], pre: 'new-one' })).toContain('found new-one');
    expect(message({ model: 'gpt2', tokens: ['a'] })).toMatch(/merges.*\n.*pre/);
    expect(message({ model: 'llama', tokens: ['a', 'b', 'a'], scores: [0, 0, 0] })).toContain('which is also number 0');
    expect(message({ model: 'llama', tokens: ['a'] })).toContain('tokenizer.ggml.scores');
  });
});
