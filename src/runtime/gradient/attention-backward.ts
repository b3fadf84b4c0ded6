import { attentionBackwardGraph } from '../../graph/index.js';
import type { DecoderSpec } from '../../model/types.js';
import { causalMasks } from './causal-masks.js';
import { blocks, rows } from './matrix-rows.js';
import type { Span } from './sequence-rows.js';
import { type Pass, Step } from './step.js';

/** Scores of one block of queries stay near this many floats (32 MB), of which about five copies live at a time. */
const BLOCK_SCORES = 8 * 2 ** 20;

/** Below this matrix products no longer fill their kernels, and every block adds to the gradients of all keys before it. */
const MIN_BLOCK_QUERIES = 128;

/** The same for one group of heads. */
const MIN_GROUP_QUERIES = 256;

/** A block computes scores of its own later tokens in vain: half of it, so it is a small part of the sequence. */
const BLOCKS_PER_SEQUENCE = 16;

export interface AttentionRows {
  /** [N, heads * headDim] */
  readonly q: Float32Array;
  /** [N, keyValueHeads * headDim], as `v`. */
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** What the forward pass gave and the gradient of what it gave, `attended` and `dAttended` [N, heads * headDim]. */
export interface AttentionGiven extends AttentionRows {
  readonly attended: Float32Array;
  readonly dAttended: Float32Array;
}

export interface AttentionBlocks {
  readonly spans: readonly Span[];
  readonly window: number | null;
  /** Default: as many as keep their scores in the processor's cache. */
  readonly blockQueries: number | undefined;
  /** Whether heads are computed a group at a time; default: where the scores of all are many. */
  readonly groupsHeads: boolean | undefined;
}

/** For blocks with keys that every query sees, and for those without: an empty matrix is no input of ONNX Runtime's products. */
interface Steps {
  readonly spec: DecoderSpec;
  readonly leastQueries: number;
  readonly someSeen: Step;
  readonly allMasked: Step;
}

/**
 * Gradients of causal attention within every sequence with respect to rotated queries and keys and to values, in blocks of queries
 * that compute their scores anew: memory is N rows, whatever N. Long sequences go through it one group of heads that share keys after
 * the other: measured on two threads with two groups of heads, a twelfth faster at 16,384 tokens and at 8,192 3 to 5 % of a whole training step.
 */
export class AttentionBackward {
  private constructor(
    private readonly allHeads: Steps,
    private readonly oneGroup: Steps,
  ) {}

  static async open(spec: DecoderSpec, threads: number): Promise<AttentionBackward> {
    const open = async (of: DecoderSpec, leastQueries: number): Promise<Steps> => ({
      spec: of,
      leastQueries,
      someSeen: await Step.open(attentionBackwardGraph(of, true), spec, threads),
      allMasked: await Step.open(attentionBackwardGraph(of, false), spec, threads),
    });
    const all = await open(spec, MIN_BLOCK_QUERIES);
    return new AttentionBackward(all, spec.keyValueHeads === 1 ? all : await open(oneGroupOf(spec), MIN_GROUP_QUERIES));
  }

  /** `window` as in `DecoderSpec.slidingWindow`. */
  async run(pass: Pass, given: AttentionGiven, { spans, ...how }: AttentionBlocks): Promise<AttentionRows> {
    const { buffers } = pass;
    const d = {
      q: buffers.get('d q', given.q.length),
      k: buffers.zeros('d k', given.k.length),
      v: buffers.zeros('d v', given.v.length),
    };
    const { allHeads, oneGroup } = this;
    const { spec } = allHeads;
    // Heads that share keys are as many in both.
    const work = { ...how, mask: causalMasks(spec.heads / spec.keyValueHeads, buffers) };
    for (const span of spans) {
      const isWide = how.groupsHeads ?? groupsHeads(spec, span.to - span.from);
      if (isWide) await inGroups(spec, oneGroup, pass, given, d, span, work);
      else await inBlocks(allHeads, pass, given, d, span, work);
    }
    return d;
  }

  async close(): Promise<void> {
    for (const { someSeen, allMasked } of new Set([this.allHeads, this.oneGroup])) {
      await someSeen.close();
      await allMasked.close();
    }
  }
}

interface How extends Pick<AttentionBlocks, 'window' | 'blockQueries'> {
  readonly mask: ReturnType<typeof causalMasks>;
}
type Range = Pick<Span, 'from' | 'to'>;

/** The rows of one sequence, every group of heads in arrays of its own. */
async function inGroups(
  { heads, keyValueHeads, headDim }: DecoderSpec,
  steps: Steps,
  pass: Pass,
  given: AttentionGiven,
  d: AttentionRows,
  { from, to }: Range,
  how: How,
): Promise<void> {
  const length = to - from;
  const perKey = { width: keyValueHeads * headDim, part: headDim };
  const perQuery = { width: heads * headDim, part: (heads / keyValueHeads) * headDim };
  const columns = { q: perQuery, k: perKey, v: perKey, attended: perQuery, dAttended: perQuery } as const;
  for (let group = 0; group < keyValueHeads; group++) {
    const taken = (name: keyof typeof columns) => {
      const { width, part } = columns[name];
      const own = pass.buffers.get(`group ${name}`, length * part);
      for (let row = 0; row < length; row++) {
        const at = (from + row) * width + group * part;
        own.set(given[name].subarray(at, at + part), row * part);
      }
      return own;
    };
    const own: AttentionGiven = {
      q: taken('q'),
      k: taken('k'),
      v: taken('v'),
      attended: taken('attended'),
      dAttended: taken('dAttended'),
    };
    const ofGroup: AttentionRows = {
      q: pass.buffers.get('d group q', own.q.length),
      k: pass.buffers.zeros('d group k', own.k.length),
      v: pass.buffers.zeros('d group v', own.v.length),
    };
    await inBlocks(steps, pass, own, ofGroup, { from: 0, to: length }, how);
    for (const name of ['q', 'k', 'v'] as const) {
      const { width, part } = columns[name];
      for (let row = 0; row < length; row++)
        d[name].set(ofGroup[name].subarray(row * part, (row + 1) * part), (from + row) * width + group * part);
    }
  }
}

/** Writes the gradients of queries, adds those of keys and values. */
async function inBlocks(
  { spec, leastQueries, someSeen, allMasked }: Steps,
  pass: Pass,
  { q, k, v, attended, dAttended }: AttentionGiven,
  d: AttentionRows,
  span: Range,
  { window: ofModel, blockQueries, mask }: How,
): Promise<void> {
  const [width, keyWidth] = [spec.heads * spec.headDim, spec.keyValueHeads * spec.headDim];
  // One that hides nothing is none, and then most keys are seen by all queries of a block.
  const window = ofModel !== null && ofModel < span.to - span.from ? ofModel : null;
  const size = blockQueries ?? blockOf(spec, span.to - span.from, leastQueries);
  const mostKeys = window === null ? size : Math.min(span.to - span.from, window - 1 + size);
  for (const [from, to] of blocks(span.from, span.to, size)) {
    const first = window === null ? span.from : Math.max(span.from, from - window + 1);
    // A window hides the first keys from the last queries, so none is seen by all.
    const masked = window === null ? from : first;
    const parts = masked > first && {
      seen_keys: rows(k, keyWidth, first, masked),
      masked_keys: rows(k, keyWidth, masked, to),
    };
    // Read and written at once: the graph's last step adds entry by entry.
    const [dK, dV] = [rows(d.k, keyWidth, first, to), rows(d.v, keyWidth, first, to)];
    await (parts ? someSeen : allMasked).run(
      pass,
      0,
      {
        q: rows(q, width, from, to),
        attended: rows(attended, width, from, to),
        d_attended: rows(dAttended, width, from, to),
        k: rows(k, keyWidth, first, to),
        v: rows(v, keyWidth, first, to),
        ...parts,
        mask: mask(to - from, to - masked, { window, mostKeys }),
        k_sum: dK,
        v_sum: dV,
      },
      { d_q: rows(d.q, width, from, to), d_k: dK, d_v: dV },
    );
  }
}

/** Scores that are computed at a time in a sequence of so many tokens. */
export function scoresPerBlock(spec: DecoderSpec, length: number): number {
  const inGroup = groupsHeads(spec, length);
  const at = inGroup ? oneGroupOf(spec) : spec;
  const queries = blockOf(at, length, inGroup ? MIN_GROUP_QUERIES : MIN_BLOCK_QUERIES);
  return at.heads * length * Math.min(length, queries);
}

/** What such a sequence takes beside them, in floats: the rows of one group of heads in arrays of their own. */
export function rowsOfGroup(spec: DecoderSpec, length: number): number {
  const { heads, headDim } = oneGroupOf(spec);
  // Queries, what they attended and the gradients of both; keys, values and theirs.
  return groupsHeads(spec, length) ? length * headDim * (4 * heads + 4) : 0;
}

/** Where all heads would fill the cache with the scores of so few queries as one group has at least: at four heads from 8,192 tokens on. */
function groupsHeads({ heads, keyValueHeads }: DecoderSpec, length: number): boolean {
  return keyValueHeads > 1 && heads * MIN_GROUP_QUERIES * length >= BLOCK_SCORES;
}

function oneGroupOf(spec: DecoderSpec): DecoderSpec {
  return { ...spec, heads: spec.heads / spec.keyValueHeads, keyValueHeads: 1 };
}

/** Queries of a block. */
function blockOf({ heads }: DecoderSpec, length: number, least: number): number {
  const most = Math.min(Math.floor(BLOCK_SCORES / (heads * length)), Math.ceil(length / BLOCKS_PER_SEQUENCE));
  return Math.max(least, most);
}
