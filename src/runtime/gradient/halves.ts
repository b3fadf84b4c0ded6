import { decoderTensors, sizeOfShape } from '../../model/index.js';
import type { DecoderSpec } from '../../model/types.js';
import type { GradientSequence } from './sequence-rows.js';

/** Below this a half costs what it saves: weights are copied to its thread, and gradients added. */
const LEAST_TOKENS = 256;

/** A half on half of the threads takes 0.8 of the time of the whole batch on all of them (bench/train), so there is little to gain above. */
const LARGEST_SHARE = 0.6;

/** The products of larger models are most of a step, and weights and gradients once more are much: SmolLM2-135M gains 3 to 11 % for a third of its memory. */
const MOST_PARAMETERS = 2 ** 25;

/** Whether batches of several rows, of so many tokens in all, are computed in halves. Of an odd number of threads one would be idle. */
export function mayHalve(
  spec: DecoderSpec,
  { rows, tokens, threads }: { readonly rows: number; readonly tokens: number; readonly threads: number },
): boolean {
  const hasTwo = rows > 1 && tokens >= 2 * LEAST_TOKENS;
  return hasTwo && threads % 2 === 0 && parametersOf(spec) <= MOST_PARAMETERS;
}

/** Two parts of a batch that cost about the same, as indices in rising order; null: it has none, or is too small. */
export function halvesOf(
  spec: DecoderSpec,
  sequences: readonly GradientSequence[],
): readonly [readonly number[], readonly number[]] | null {
  const rows = sequences.map(({ ids }) => ids.length - 1);
  const parameters = parametersOf(spec);
  // Multiplications of a gradient: three times those of a forward pass with the weights, and seven products of attention.
  const costs = rows.map((length) => length * (3 * parameters + 7 * spec.layers * spec.heads * spec.headDim * length));
  const [a, b] = [emptyHalf(), emptyHalf()];
  const dearestFirst = [...costs.keys()].sort((i, j) => (costs[j] as number) - (costs[i] as number));
  for (const i of dearestFirst) {
    const half = a.cost <= b.cost ? a : b;
    half.cost += costs[i] as number;
    half.tokens += rows[i] as number;
    half.indices.push(i);
  }
  if (Math.min(a.tokens, b.tokens) < LEAST_TOKENS) return null;
  if (Math.max(a.cost, b.cost) > LARGEST_SHARE * (a.cost + b.cost)) return null;
  return [a.indices.sort((i, j) => i - j), b.indices.sort((i, j) => i - j)];
}

interface Half {
  cost: number;
  tokens: number;
  readonly indices: number[];
}

function emptyHalf(): Half {
  return { cost: 0, tokens: 0, indices: [] };
}

function parametersOf(spec: DecoderSpec): number {
  return [...decoderTensors(spec).values()].reduce((sum, shape) => sum + sizeOfShape(shape), 0);
}
