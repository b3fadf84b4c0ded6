import type { DecoderSpec } from '../../model/types.js';
import { blocks, rows } from './matrix-rows.js';
import type { SequenceRows } from './sequence-rows.js';
import type { Pass, Step } from './step.js';

/** Logits of one block of the head stay near this many floats (16 MB). */
const BLOCK_LOGITS = 4 * 2 ** 20;

export interface HeadResult {
  /** Of every row in nats; 0 where nothing is scored. */
  readonly losses: Float32Array;
  /** [N, hiddenSize] */
  readonly dX: Float32Array;
}

/** Losses and their gradient with respect to the last layer's output, in blocks of rows; rows that are not scored cost nothing. */
export async function headPass(
  { hiddenSize, vocabularySize, layers }: DecoderSpec,
  step: Step,
  pass: Pass,
  x: Float32Array,
  { length, targets, lossWeights, spans }: SequenceRows,
): Promise<HeadResult> {
  const block = headBlockRows(vocabularySize);
  // Rows that are not scored stay 0.
  const dX = pass.buffers.zeros(`d ${layers % 2}`, x.length);
  const losses = pass.buffers.zeros('losses', length);
  for (const [first, last] of scoredRanges(spans))
    for (const [from, to] of blocks(first, last, block)) {
      const int64 = BigInt64Array.from(targets.subarray(from, to), BigInt);
      await step.run(
        pass,
        0,
        {
          x: rows(x, hiddenSize, from, to),
          targets: { type: 'int64', data: int64, dims: [to - from, 1] },
          loss_weights: rows(lossWeights, 1, from, to),
        },
        { loss: rows(losses, 1, from, to), d_x: rows(dX, hiddenSize, from, to) },
      );
    }
  return { losses, dX };
}

/** Rows of the head that are computed at a time. */
export function headBlockRows(vocabularySize: number): number {
  return Math.max(64, Math.floor(BLOCK_LOGITS / vocabularySize));
}

/** Scored rows, those of neighbours that touch as one range: full blocks for many short sequences. */
function scoredRanges(spans: SequenceRows['spans']): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  for (const { sequence, from, to } of spans) {
    const first = from + sequence.scoreFrom - 1;
    const last = ranges.at(-1);
    if (last?.[1] === first) last[1] = to;
    else ranges.push([first, to]);
  }
  return ranges;
}
