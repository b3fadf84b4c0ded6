import type { DecoderSpec } from '../../model/types.js';
import type { Tensor } from '../session.js';
import { blocks, rows } from './matrix-rows.js';
import type { Span } from './sequence-rows.js';
import { addInto, type Pass, type Step } from './step.js';

/** Scores of one block of queries stay near this many floats (32 MB), of which about five copies live at a time. */
const BLOCK_SCORES = 8 * 2 ** 20;

/** Below this matrix products no longer fill their kernels, and every block adds to the gradients of all keys before it. */
const MIN_BLOCK_QUERIES = 128;

/** A block computes scores of its own later tokens in vain: half of it, so it is a small part of the sequence. */
const BLOCKS_PER_SEQUENCE = 16;

export interface AttentionRows {
  /** [N, heads * headDim] */
  readonly q: Float32Array;
  /** [N, keyValueHeads * headDim], as `v`. */
  readonly k: Float32Array;
  readonly v: Float32Array;
}

export interface AttentionBlocks {
  readonly spans: readonly Span[];
  readonly window: number | null;
  /** Default: as many as keep their scores in the processor's cache. */
  readonly blockQueries: number | undefined;
}

/**
 * Gradients of causal attention within every sequence with respect to rotated queries and keys and to values, in blocks of queries
 * that compute their scores anew: memory is N rows, whatever N. `window` as in `DecoderSpec.slidingWindow`.
 */
export async function attentionBackward(
  spec: DecoderSpec,
  step: Step,
  pass: Pass,
  { q, k, v, dAttended }: AttentionRows & { readonly dAttended: Float32Array },
  { spans, window, blockQueries }: AttentionBlocks,
): Promise<AttentionRows> {
  const [width, keyWidth] = [spec.heads * spec.headDim, spec.keyValueHeads * spec.headDim];
  const group = spec.heads / spec.keyValueHeads;
  const longest = Math.max(...spans.map(({ from, to }) => to - from));
  const numbers = BigInt64Array.from({ length: longest }, (_, i) => BigInt(i));
  const d = { q: new Float32Array(q.length), k: new Float32Array(k.length), v: new Float32Array(v.length) };
  for (const span of spans)
    for (const [from, to] of blocks(
      span.from,
      span.to,
      blockQueries ?? defaultBlockQueries(spec, span.to - span.from),
    )) {
      const firstKey = (query: number) => (window === null ? span.from : Math.max(span.from, query - window + 1));
      const key = firstKey(from);
      /** Keys are numbered from the first of the sequence. */
      const perQuery = (of: (query: number) => number): Tensor => ({
        type: 'int64',
        data: BigInt64Array.from({ length: (to - from) * group }, (_, row) =>
          BigInt(of(from + Math.floor(row / group)) - span.from),
        ),
        dims: [1, (to - from) * group, 1],
      });
      const result = await step.run(pass, 0, {
        q: rows(q, width, from, to),
        d_attended: rows(dAttended, width, from, to),
        k: rows(k, keyWidth, key, to),
        v: rows(v, keyWidth, key, to),
        key_numbers: { type: 'int64', data: numbers.subarray(key - span.from, to - span.from), dims: [1, 1, to - key] },
        first_key: perQuery(firstKey),
        last_key: perQuery((query) => query),
      });
      d.q.set(result('d_q'), from * width);
      addInto(d.k.subarray(key * keyWidth, to * keyWidth), result('d_k'));
      addInto(d.v.subarray(key * keyWidth, to * keyWidth), result('d_v'));
    }
  return d;
}

function defaultBlockQueries(spec: DecoderSpec, length: number): number {
  const most = Math.min(Math.floor(BLOCK_SCORES / (spec.heads * length)), Math.ceil(length / BLOCKS_PER_SEQUENCE));
  return Math.max(MIN_BLOCK_QUERIES, most);
}
