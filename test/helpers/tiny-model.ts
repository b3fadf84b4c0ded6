import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { openTokenizer } from '../../src/corpus/index.js';
import { loadModel, type Model } from '../../src/model/index.js';
import { baseInverseFrequency } from '../../src/rope/frequencies.js';
import type { ResolvedRope } from '../../src/rope/types.js';
import { SHARED } from './stories260k.js';

/** The embedded model. */
export const TINY = path.resolve(import.meta.dirname, '../../models/tiny');

export function unscaled({ spec }: Model): ResolvedRope {
  const base = baseInverseFrequency(spec.rope.geometry);
  return { inverseFrequency: base, baseInverseFrequency: base, attentionFactor: 1, startTokens: 0 };
}

export const loadTiny = () => loadModel(TINY);

/** The first `length` tokens, BOS included, of a PG19 test book after its front matter. */
export async function bookTokens(length: number, book = '10146'): Promise<Int32Array> {
  const tokenizer = await openTokenizer(TINY);
  const text = await readFile(path.join(SHARED, `data/pg19/test/${book}.txt`), 'utf8');
  return Int32Array.of(1, ...tokenizer.encode(text.slice(9000)).subarray(0, length - 1));
}
