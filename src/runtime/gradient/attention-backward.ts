import type { DecoderSpec } from '../../model/types.js';
import type { Tensor } from '../session.js';
import { blocks, rows } from './matrix-rows.js';
import type { Span } from './sequence-rows.js';
import type { Pass, Step } from './step.js';

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

/** For blocks with keys that every query sees, and for those without: an empty matrix is no input of ONNX Runtime's products. */
export interface AttentionBackwardSteps {
  readonly someSeen: Step;
  readonly allMasked: Step;
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
  steps: AttentionBackwardSteps,
  pass: Pass,
  {
    q,
    k,
    v,
    attended,
    dAttended,
  }: AttentionRows & { readonly attended: Float32Array; readonly dAttended: Float32Array },
  { spans, window, blockQueries }: AttentionBlocks,
): Promise<AttentionRows> {
  const [width, keyWidth] = [spec.heads * spec.headDim, spec.keyValueHeads * spec.headDim];
  const { buffers } = pass;
  const d = {
    q: buffers.get('d q', q.length),
    k: buffers.zeros('d k', k.length),
    v: buffers.zeros('d v', v.length),
  };
  const mask = masks(spec.heads / spec.keyValueHeads, window);
  for (const span of spans)
    for (const [from, to] of blocks(
      span.from,
      span.to,
      blockQueries ?? defaultBlockQueries(spec, span.to - span.from),
    )) {
      const first = window === null ? span.from : Math.max(span.from, from - window + 1);
      // A window hides the first keys from the last queries, so none is seen by all.
      const masked = window === null ? from : first;
      const parts = masked > first && {
        seen_keys: rows(k, keyWidth, first, masked),
        masked_keys: rows(k, keyWidth, masked, to),
      };
      // Read and written at once: the graph's last step adds entry by entry.
      const [dK, dV] = [rows(d.k, keyWidth, first, to), rows(d.v, keyWidth, first, to)];
      await steps[parts ? 'someSeen' : 'allMasked'].run(
        pass,
        0,
        {
          q: rows(q, width, from, to),
          attended: rows(attended, width, from, to),
          d_attended: rows(dAttended, width, from, to),
          k: rows(k, keyWidth, first, to),
          v: rows(v, keyWidth, first, to),
          ...parts,
          mask: mask(to - from, to - masked),
          k_sum: dK,
          v_sum: dV,
        },
        { d_q: rows(d.q, width, from, to), d_k: dK, d_v: dV },
      );
    }
  return d;
}

/**
 * The mask of the last `queries` of `keys` positions, a row for each query and head that shares keys: it sees itself and what is
 * before, up to the window. Blocks of one size share theirs.
 */
function masks(group: number, window: number | null) {
  const made = new Map<string, Tensor>();
  return (queries: number, keys: number): Tensor => {
    const name = `${queries}/${keys}`;
    const known = made.get(name);
    if (known) return known;
    const data = new Float32Array(queries * group * keys);
    for (let row = 0; row < queries * group; row++) {
      const last = keys - queries + Math.floor(row / group);
      const first = window === null ? 0 : Math.max(0, last - window + 1);
      data.fill(Number.NEGATIVE_INFINITY, row * keys, row * keys + first);
      data.fill(Number.NEGATIVE_INFINITY, row * keys + last + 1, (row + 1) * keys);
    }
    const mask: Tensor = { type: 'float32', data, dims: [1, queries * group, keys] };
    made.set(name, mask);
    return mask;
  };
}

/** Scores of one block of queries of a sequence of so many tokens, all heads. */
export function scoresPerBlock(spec: DecoderSpec, length: number): number {
  return spec.heads * length * Math.min(length, defaultBlockQueries(spec, length));
}

function defaultBlockQueries(spec: DecoderSpec, length: number): number {
  const most = Math.min(Math.floor(BLOCK_SCORES / (spec.heads * length)), Math.ceil(length / BLOCKS_PER_SEQUENCE));
  return Math.max(MIN_BLOCK_QUERIES, most);
}
