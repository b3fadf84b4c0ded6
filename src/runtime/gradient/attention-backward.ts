import type { DecoderSpec } from '../../model/types.js';
import type { Tensor } from '../session.js';
import { addInto, type Pass, type Step } from './step.js';

/** Scores of one block of queries stay near this many floats (4 MB): five passes over them run in the cache. */
const BLOCK_SCORES = 2 ** 20;

/** Below this a matrix product no longer fills its kernels. */
const MIN_BLOCK_QUERIES = 32;

export interface AttentionRows {
  /** [N, heads * headDim] */
  readonly q: Float32Array;
  /** [N, keyValueHeads * headDim], as `v`. */
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/**
 * Gradients of causal attention with respect to rotated queries and keys and to values, in blocks of queries that compute their
 * scores anew: memory is N rows, whatever N. `window` as in `DecoderSpec.slidingWindow`.
 */
export async function attentionBackward(
  spec: DecoderSpec,
  step: Step,
  pass: Pass,
  { q, k, v, dAttended }: AttentionRows & { readonly dAttended: Float32Array },
  { window, blockQueries }: { readonly window: number | null; readonly blockQueries: number },
): Promise<AttentionRows> {
  const [width, keyWidth] = [spec.heads * spec.headDim, spec.keyValueHeads * spec.headDim];
  const group = spec.heads / spec.keyValueHeads;
  const length = q.length / width;
  const numbers = BigInt64Array.from({ length }, (_, i) => BigInt(i));
  const d = { q: new Float32Array(q.length), k: new Float32Array(k.length), v: new Float32Array(v.length) };
  for (let from = 0; from < length; from += blockQueries) {
    const to = Math.min(length, from + blockQueries);
    const firstKey = (query: number) => (window === null ? 0 : Math.max(0, query - window + 1));
    const key = firstKey(from);
    const perQuery = (of: (query: number) => number): Tensor => ({
      type: 'int64',
      data: BigInt64Array.from({ length: (to - from) * group }, (_, row) => BigInt(of(from + Math.floor(row / group)))),
      dims: [1, (to - from) * group, 1],
    });
    const rows = (data: Float32Array, first: number, rowWidth: number): Tensor => ({
      type: 'float32',
      data: data.subarray(first * rowWidth, to * rowWidth),
      dims: [to - first, rowWidth],
    });
    const result = await step.run(pass, 0, {
      q: rows(q, from, width),
      d_attended: rows(dAttended, from, width),
      k: rows(k, key, keyWidth),
      v: rows(v, key, keyWidth),
      key_numbers: { type: 'int64', data: numbers.subarray(key, to), dims: [1, 1, to - key] },
      first_key: perQuery(firstKey),
      last_key: perQuery((query) => query),
    });
    d.q.set(result('d_q'), from * width);
    addInto(d.k.subarray(key * keyWidth, to * keyWidth), result('d_k'));
    addInto(d.v.subarray(key * keyWidth, to * keyWidth), result('d_v'));
  }
  return d;
}

export function defaultBlockQueries(spec: DecoderSpec, length: number): number {
  return Math.max(MIN_BLOCK_QUERIES, Math.floor(BLOCK_SCORES / (spec.heads * length)));
}
