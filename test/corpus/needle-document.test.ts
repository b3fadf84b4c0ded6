import { beforeAll, describe, expect, it } from 'vitest';
import {
  needleDocument,
  openTokenizer,
  RowRefused,
  type TokenDocument,
  type Tokenizer,
} from '../../src/corpus/index.js';

const NEEDLE = /One of the special magic numbers for ([a-z]+ [a-z]+) is: (\d{7})\.\n/;

let tokenizer: Tokenizer;
let books: TokenDocument[];
beforeAll(async () => {
  tokenizer = await openTokenizer('models/tiny');
  const text = (book: number) =>
    Array.from({ length: 200 }, (_, i) => `The ship number ${book} sailed on for ${i} days, and nobody knew why.`).join(
      ' ',
    );
  books = [0, 1, 2].map((book) => ({ id: `book ${book}`, ids: tokenizer.encode(text(book)) }));
});

const row = (length: number, depth = 0, seed = 1, book = 0) =>
  needleDocument({ tokenizer, document: books[book] as TokenDocument, length, depth, seed });

describe('a document with a needle', () => {
  // LongRoPE2's released rows are longer than the length they are cut to, so their answers are cut off (defect 2).
  it.each([256, 257, 511, 1024])('has exactly %d tokens and ends with the whole answer', (length) => {
    for (const depth of [0, 0.3, 1]) {
      const { ids, scoreFrom } = row(length, depth);
      expect(ids.length).toBe(length);
      const [, topic, value] = NEEDLE.exec(tokenizer.decode(ids)) as RegExpExecArray;
      expect(tokenizer.decode(ids.subarray(scoreFrom)).trim()).toBe(value);
      expect(tokenizer.decode(ids.subarray(0, scoreFrom))).toMatch(
        new RegExp(`The special magic number for ${topic} is$`),
      );
      expect(length - scoreFrom).toBeGreaterThan(0);
    }
  });

  // The released perplexity code puts a second BOS before the rows' own (defect 4).
  it('has one BOS, in front', () => {
    const { ids } = row(512);
    expect([...ids].flatMap((id, at) => (id === tokenizer.bosTokenId ? [at] : []))).toEqual([0]);
    const bare = needleDocument({
      tokenizer: { ...tokenizer, bosTokenId: null },
      document: books[0] as TokenDocument,
      length: 512,
      depth: 0,
      seed: 1,
    });
    expect(bare.ids.length).toBe(512);
    expect([...bare.ids]).not.toContain(tokenizer.bosTokenId);
  });

  // Released: depths are places in a text that is too long, and one builder forgets the depth (defect 5).
  it('has its needle at the sentence end nearest to the depth', () => {
    const places = [0, 0.25, 0.5, 0.75, 1].map((depth) => {
      const { ids, needleAt } = row(1024, depth);
      const before = tokenizer.decode(ids.subarray(0, needleAt));
      expect(tokenizer.decode(ids.subarray(needleAt))).toMatch(/^ ?One of the special/);
      if (depth < 1) expect(before).toMatch(/[.\n]$/);
      return needleAt;
    });
    const [first, last] = [places[0] as number, places[4] as number];
    for (const [i, place] of places.entries())
      expect(Math.abs((place - first) / (last - first) - i / 4)).toBeLessThan(0.02);
  });

  it('keeps every token of the document around the needle', () => {
    const { ids, needleAt } = row(600, 0.5);
    const text = tokenizer.decode(ids).replace(NEEDLE, '');
    const start = tokenizer.decode((books[0] as TokenDocument).ids.subarray(0, 400));
    expect(text).toContain(start.slice(0, 200));
    expect(needleAt).toBeGreaterThan(200);
  });

  it('follows from seed, length, depth and document alone', () => {
    expect(row(512, 0.5)).toEqual(row(512, 0.5));
    const value = (...of: Parameters<typeof row>) => NEEDLE.exec(tokenizer.decode(row(...of).ids))?.[2];
    const values = [value(512), value(513), value(512, 0.5), value(512, 0, 2), value(512, 0, 1, 1)];
    expect(new Set(values).size).toBe(values.length);
  });

  it('is refused where it does not fit', () => {
    expect(() => row(40)).toThrow(RowRefused);
    const document = { id: 'short', ids: (books[0] as TokenDocument).ids.subarray(0, 300) };
    expect(() => needleDocument({ tokenizer, document, length: 512, depth: 0, seed: 1 })).toThrow(RowRefused);
  });
});
