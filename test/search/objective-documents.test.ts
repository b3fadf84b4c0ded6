import { beforeAll, expect, test } from 'vitest';
import { openTokenizer, type TokenDocument, type Tokenizer } from '../../src/corpus/index.js';
import { documentSet } from '../../src/workflow/objective-documents.js';
import type { SearchJob } from '../../src/workflow/search-model.js';

let tokenizer: Tokenizer;
let books: TokenDocument[];
beforeAll(async () => {
  tokenizer = await openTokenizer('models/tiny');
  const text = (book: number) =>
    Array.from({ length: 80 }, (_, i) => `The ship number ${book} sailed on for ${i} days, and nobody knew why.`).join(
      ' ',
    );
  books = Array.from({ length: 7 }, (_, book) => ({ id: `book ${book}`, ids: tokenizer.encode(text(book)) }));
});

const LENGTHS = [512, 1024].map((length) => ({ length, weight: 1 }));

/** The book of each row, and what share of the row stands before its needle. */
function rowsOf(length: number, more: Partial<SearchJob> = {}) {
  const job = { tokenizer, seed: 1, ...more } as SearchJob;
  const set = documentSet(job, books, LENGTHS, [{ measure: 'needle', weight: 1 }]);
  return set.needleRowsAt(length).map(({ ids, scoreFrom }) => {
    expect(ids.length).toBe(length);
    const text = tokenizer.decode(ids);
    const [before] = text.split('One of the special magic numbers') as [string];
    const answer = tokenizer.decode(ids.subarray(scoreFrom)).trim();
    expect(text).toContain(`is: ${answer}.`);
    return {
      books: [...new Set([...text.matchAll(/ship number (\d)/g)].map(([, book]) => Number(book)))],
      depth: before.length / text.length,
    };
  });
}

// LongRoPE2's released search takes the ten rows that it scores from the first book alone (defect 3).
test.each([512, 1024])('every document gives one row of %d tokens, of its own text', (length) => {
  expect(rowsOf(length).map((row) => row.books)).toEqual([[0], [1], [2], [3], [4], [5], [6]]);
});

test('depths take turns among the documents', () => {
  const near = (expected: readonly number[], more: Partial<SearchJob>) => {
    const depths = rowsOf(1024, more).map(({ depth }) => depth);
    for (const [i, depth] of depths.entries()) expect(Math.abs(depth - (expected[i] as number))).toBeLessThan(0.15);
  };
  near([0, 0.25, 0.5, 0.75, 1, 0, 0.25], {});
  near([0, 1, 0, 1, 0, 1, 0], { needleDepths: [0, 1] });
});

test('rows of plain text are the beginnings of the documents, at every length', () => {
  const set = documentSet({ tokenizer, seed: 1 } as SearchJob, books, LENGTHS, [{ measure: 'perplexity', weight: 1 }]);
  for (const length of [512, 1024])
    expect(set.rowsAt(length).map(({ ids }) => [...ids])).toEqual(
      books.map(({ ids }) => [tokenizer.bosTokenId, ...ids.subarray(0, length - 1)]),
    );
});
