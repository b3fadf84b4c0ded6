import type { TokenDocument } from '../corpus/index.js';
import { type Problem, UserError } from '../errors.js';
import { type PackingOptions, packRows } from './packing.js';
import type { Bucket } from './row-order.js';

/** Documents of at least `from` tokens, up to the next bucket, make up `share` of the rows. */
export interface LengthShare {
  readonly from: number;
  readonly share: number;
}

const NOTHING_TO_PREDICT = {
  expected: 'a document with two tokens, of which the first predicts the second',
  found: 'none',
  fix: 'give more text',
};

/**
 * Rows of documents by their length, BOS and EOS not counted. Documents shorter than every bucket are left out. Throws one
 * `UserError` that names every bucket without documents.
 */
export function lengthBuckets(
  documents: readonly TokenDocument[],
  mix: readonly LengthShare[],
  options: PackingOptions,
): Bucket[] {
  const bounds = [...mix].sort((a, b) => a.from - b.from);
  const problems: Problem[] = [];
  const buckets = bounds.map(({ from, share }, i) => {
    const to = bounds[i + 1]?.from ?? Number.POSITIVE_INFINITY;
    const rows = packRows(
      documents.filter(({ ids }) => ids.length >= from && ids.length < to),
      options,
    );
    if (rows.length > 0) return { share, rows };
    // A range of all lengths is what a mix is that nobody has given.
    if (from === 0 && bounds.length === 1) problems.push({ where: 'texts to train on', ...NOTHING_TO_PREDICT });
    else
      problems.push({
        where: `--length-mix ${from}:${share}`,
        expected: `documents of ${to === Number.POSITIVE_INFINITY ? `at least ${from}` : `${from} to ${to - 1}`} tokens`,
        found: 'none',
        fix: 'leave this range out, or give texts of these lengths',
      });
    return { share, rows };
  });
  if (problems.length > 0) throw new UserError('input', problems);
  return buckets;
}

/**
 * Buckets in which `share` of all rows hold pieces of at most `windowTokens` tokens, each with BOS in front: where texts are long alone,
 * what keeps the short context, so they never skip positions. The end of a piece is no end of a text, so there is no EOS. Throws
 * `UserError` where no piece has a token to be predicted.
 */
export function withShortWindows(
  buckets: readonly Bucket[],
  documents: readonly TokenDocument[],
  { share, windowTokens, ...options }: PackingOptions & { readonly share: number; readonly windowTokens: number },
): Bucket[] {
  const step = windowTokens - (options.bos === null ? 0 : 1);
  const pieces = documents.flatMap(({ id, ids }) =>
    Array.from({ length: Math.ceil(ids.length / step) }, (_, i) => ({
      id,
      ids: ids.subarray(i * step, (i + 1) * step),
    })),
  );
  const total = buckets.reduce((sum, bucket) => sum + bucket.share, 0);
  const rest = buckets.map((bucket) => ({ ...bucket, share: (bucket.share / total) * (1 - share) }));
  const rows = packRows(pieces, { ...options, eos: null });
  if (rows.length === 0) throw new UserError('input', { where: '--short-windows', ...NOTHING_TO_PREDICT });
  return [...rest, { share, rows, inPlace: true }];
}
