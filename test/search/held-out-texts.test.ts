import { expect, it } from 'vitest';
import type { Tokenizer } from '../../src/corpus/index.js';
import { parseBudget } from '../../src/search/index.js';
import { refuseSharedTexts } from '../../src/workflow/held-out-texts.js';
import { searchByCurriculum } from '../../src/workflow/search-curriculum.js';
import { type SearchJob, searchModel } from '../../src/workflow/search-model.js';
import { rejection } from '../helpers/rejection.js';
import { TINY } from '../helpers/tiny-model.js';

const text = (id: string, first: number, length = 600) => ({
  id,
  ids: Int32Array.from({ length }, (_, i) => first + (i % 7)),
});
const job = (changes: Partial<SearchJob>): SearchJob => ({
  modelPath: TINY,
  tokenizer: { bosTokenId: 1, hash: '0'.repeat(64) } as Tokenizer,
  documents: [text('a', 1), text('b', 2), text('c', 3)],
  heldOut: [],
  textName: 'books, others',
  targetLength: 512,
  algorithm: 'auto',
  budget: parseBudget('40evals'),
  seed: 1,
  out: '/dev/null/run',
  command: 'none',
  ...changes,
});

it('a text on both sides is refused whatever its name and its rest, all of them at once', async () => {
  // As far as they are read b and the other c are the same.
  const heldOut = [text('d', 4), text('other b', 2, 511), text('c', 3)];
  const error = await rejection(searchModel(job({ heldOut })));
  expect(error.kind).toBe('input');
  expect(error.message).toContain('found b (held out as other b), c on both sides');
  expect((await rejection(searchByCurriculum(job({ heldOut }), [300]))).message).toContain('on both sides');
  // 256 tokens are all that is read of them, and all they share.
  const longer = { id: 'a longer', ids: Int32Array.from(text('a', 1).ids, (id, i) => (i < 255 ? id : 9)) };
  const short = job({ heldOut: [longer], lengths: [{ length: 256, weight: 1 }] });
  expect((await rejection(searchModel(short))).message).toContain('a (held out as a longer)');
});

it('texts that share no more than a beginning are not', () => {
  const other = { id: 'a', ids: Int32Array.from(text('a', 1).ids, (id, i) => (i < 400 ? id : 9)) };
  expect(() => refuseSharedTexts(job({ heldOut: [other, text('d', 4)] }))).not.toThrow();
});
