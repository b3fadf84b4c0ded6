import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { longEnough, openCorpus, openTokenizer, type Tokenizer } from '../../src/corpus/index.js';
import { tokenizeCommand } from '../../src/workflow/tokenize.js';
import { rejection } from '../helpers/rejection.js';

const tokenizerPath = path.resolve(import.meta.dirname, '../oracle/tokenizer-sentencepiece.json');
const fixtures = path.resolve(import.meta.dirname, '../oracle/tokenizer-datasets');
const tokenizer = await openTokenizer(tokenizerPath);
let folder = '';
let cacheDir = '';
let texts = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'longrope-corpus-'));
  cacheDir = path.join(folder, 'cache');
  texts = path.join(folder, 'texts.jsonl');
  await writeFile(texts, '{"text":"The first text."}\n{"text":"The second, which is longer than the first."}\n');
});
afterEach(async () => rm(folder, { recursive: true }));

/** Counts what it encodes. */
function counting(): Tokenizer & { calls: number } {
  const counter = {
    ...tokenizer,
    calls: 0,
    encode(text: string) {
      counter.calls++;
      return tokenizer.encode(text);
    },
  };
  return counter;
}

describe('openCorpus', () => {
  it('tokenises a text once', async () => {
    const counter = counting();
    const first = await openCorpus({ path: texts, tokenizer: counter, cacheDir });
    const second = await openCorpus({ path: texts, tokenizer: counter, cacheDir });
    expect([first.cached, second.cached, counter.calls]).toEqual([false, true, 2]);
    expect(second).toEqual({ ...first, cached: true });
    expect(first.documents.map(({ id }) => id)).toEqual(['texts.jsonl:1', 'texts.jsonl:2']);
    expect(tokenizer.decode(first.documents[0]!.ids)).toBe('The first text.');
  });

  it('tokenises again when text, tokenizer or options differ', async () => {
    const open = (tokens: Tokenizer, skipCharacters: number) =>
      openCorpus({ path: texts, tokenizer: tokens, cacheDir, skipCharacters });
    await open(tokenizer, 0);
    expect((await open({ ...tokenizer, hash: 'other' }, 0)).cached).toBe(false);
    expect((await open(tokenizer, 4)).cached).toBe(false);
    await writeFile(texts, '{"text":"Another text."}\n');
    expect((await open(tokenizer, 0)).cached).toBe(false);
    expect(await readdir(path.join(cacheDir, 'tokens'))).toHaveLength(4);
  });

  it('makes a damaged cache entry anew', async () => {
    const { hash } = await openCorpus({ path: texts, tokenizer, cacheDir });
    const [entry] = await readdir(path.join(cacheDir, 'tokens'));
    await writeFile(path.join(cacheDir, 'tokens', entry!, 'data-00000-of-00001.arrow'), 'x');
    expect(await openCorpus({ path: texts, tokenizer, cacheDir })).toMatchObject({ cached: false, hash });
  });

  it('makes an entry anew of which a part is gone, and removes what killed processes have left', async () => {
    await openCorpus({ path: texts, tokenizer, cacheDir });
    const tokens = path.join(cacheDir, 'tokens');
    const [entry] = await readdir(tokens);
    await rm(path.join(tokens, entry!, 'state.json'));
    const [old, recent] = [path.join(tokens, 'a.0123456789ab.tmp'), path.join(tokens, 'b.0123456789ab.tmp')];
    for (const left of [old, recent]) {
      await mkdir(left);
      await writeFile(path.join(left, 'data.arrow'), 'x');
    }
    const yesterday = new Date(Date.now() - 86_400_000);
    // A folder whose file was written to just now is at work, however old it is itself.
    for (const path of [`${old}/data.arrow`, old, recent]) await utimes(path, yesterday, yesterday);
    expect((await openCorpus({ path: texts, tokenizer, cacheDir })).cached).toBe(false);
    expect((await readdir(tokens)).sort()).toEqual([path.basename(recent), entry].sort());
    expect((await openCorpus({ path: texts, tokenizer, cacheDir })).cached).toBe(true);
  });

  it('keeps nothing of a text that was written while it was read', async () => {
    const before = await readFile(texts);
    const encode = (text: string) => {
      writeFileSync(texts, 'x\n');
      return tokenizer.encode(text);
    };
    const meddling = { ...tokenizer, encode };
    const problem = await rejection(openCorpus({ path: texts, tokenizer: meddling, cacheDir }));
    expect(problem.message).toContain('expected texts at rest');
    await writeFile(texts, before);
    expect((await openCorpus({ path: texts, tokenizer, cacheDir })).cached).toBe(false);
  });

  it('hears an abort between two documents, and keeps nothing', async () => {
    const controller = new AbortController();
    const counter = counting();
    const encode = (text: string) => {
      setImmediate(() => controller.abort(new Error('stop')));
      return counter.encode(text);
    };
    const opened = openCorpus({ path: texts, tokenizer: { ...counter, encode }, cacheDir, signal: controller.signal });
    await expect(opened).rejects.toThrow('stop');
    expect(counter.calls).toBe(1);
    expect(await readdir(path.join(cacheDir, 'tokens'))).toEqual([]);
  });

  it('says which cache folder cannot be made', async () => {
    const problem = await rejection(openCorpus({ path: texts, tokenizer, cacheDir: '/dev/null/cache' }));
    expect(problem.message).toContain('/dev/null/cache/tokens: expected a cache folder that can be written');
  });

  it('gives the same hash to the same tokens from text and from a data set', async () => {
    const out = path.join(folder, 'set');
    const result = await tokenizeCommand({ inputs: [texts], tokenizer: tokenizerPath, out });
    const fromText = await openCorpus({ path: texts, tokenizer, cacheDir: null });
    const fromSet = await openCorpus({ path: out, tokenizer, cacheDir: null });
    expect(fromSet.documents).toEqual(fromText.documents);
    expect([fromSet.source, fromSet.hash]).toEqual(['dataset', fromText.hash]);
    expect(result).toMatchObject({ documents: 2, leftOut: [], tokens: result.shortest + result.longest });
  });

  it('refuses a data set of another tokenizer, ids outside the vocabulary, and character options', async () => {
    const out = path.join(folder, 'set');
    await tokenizeCommand({ inputs: [texts], tokenizer: tokenizerPath, out });
    const other = { ...tokenizer, hash: 'f'.repeat(64) };
    await expect(openCorpus({ path: out, tokenizer: other, cacheDir })).rejects.toThrow(/those of another one/);
    await expect(openCorpus({ path: out, tokenizer, cacheDir, skipCharacters: 1 })).rejects.toThrow(
      /with --skip-characters;/,
    );
    await expect(openCorpus({ path: path.join(fixtures, 'named'), tokenizer, cacheDir })).rejects.toThrow(
      /^y: expected token ids below 1500, found 4095$/,
    );
  });
});

describe('tokenizeCommand', () => {
  it('leaves short documents out and says which', async () => {
    const out = path.join(folder, 'set');
    const result = await tokenizeCommand({ inputs: [texts], tokenizer: tokenizerPath, out, minTokens: 10 });
    expect(result.leftOut).toEqual([{ id: 'texts.jsonl:1', tokens: tokenizer.encode('The first text.').length }]);
    expect(result.documents).toBe(1);
  });

  it('writes nothing when all documents are too short or two have one name', async () => {
    const out = path.join(folder, 'set');
    const run = (inputs: string[], minTokens: number) =>
      tokenizeCommand({ inputs, tokenizer: tokenizerPath, out, minTokens });
    await expect(run([texts], 1000)).rejects.toThrow(/at least 1000 tokens, found texts.jsonl:1 with/);
    await expect(run([texts, texts], 0)).rejects.toThrow(/inputs with different names/);
    expect(await readdir(folder)).toEqual(['texts.jsonl']);
  });
});

describe('longEnough', () => {
  const documents = [3, 9, 5].map((length, i) => ({ id: `d${i}`, ids: new Int32Array(length) }));
  const idsOf = (minTokens: number, samples?: number) =>
    longEnough(documents, { minTokens, ...(samples !== undefined && { samples }), source: 'books' }).map(
      ({ id }) => id,
    );

  it('takes the first documents that are', () => {
    expect([idsOf(1), idsOf(5), idsOf(4, 1)]).toEqual([['d0', 'd1', 'd2'], ['d1', 'd2'], ['d1']]);
  });

  it('tells how many there are where they are too few', () => {
    expect(() => idsOf(4, 3)).toThrow(
      /^books: expected 3 documents of at least 4 tokens, found 2 of 3, the longest with 9; /,
    );
    expect(() => idsOf(10)).toThrow(
      /^books: expected documents of at least 10 tokens, found 0 of 3, the longest with 9/,
    );
    expect(() => longEnough([], { minTokens: 1, source: 'books' })).toThrow(/tokens, found none; /);
  });
});

it('drops the BOS that a data set made in Python carries in front of its documents', async () => {
  const large = { ...tokenizer, vocabularySize: 2 ** 31 };
  const plain = await openCorpus({ path: path.join(fixtures, 'int32'), tokenizer: large, cacheDir: null });
  const first = plain.documents[0]?.ids as Int32Array;
  const opened = { ...large, bosTokenId: first[0] as number };
  const { documents } = await openCorpus({ path: path.join(fixtures, 'int32'), tokenizer: opened, cacheDir: null });
  expect(documents[0]?.ids).toEqual(first.slice(1));
  const kept = { path: path.join(fixtures, 'int32'), tokenizer: opened, cacheDir: null, keepsBos: true };
  expect((await openCorpus(kept)).documents[0]?.ids).toEqual(first);
});
