import { rotaryTableAt } from '../../rope/rotary-table.js';
import { type RopeGradient, ropeGradient, type TableGradient } from '../../rope/table-gradient.js';
import type { RotaryTable } from '../../rope/types.js';
import type { LossRequest, WeightedLossRequest } from '../requests.js';
import { scoredWeight } from '../scored-weight.js';

/** One document, or a part of one: its tokens see each other and nothing else. */
export interface GradientSequence extends WeightedLossRequest {
  /** Of every token, >= 0 and rising; default 0, 1, 2 ... Gaps let a short sequence train long distances (PoSE). */
  readonly positions?: Int32Array;
  /**
   * How many tokens each one stands for as a key that later ones and itself attend to, > 0; default 1. As if key and value were there so many
   * times: its logarithm is added to the scores.
   */
  readonly multiplicities?: Float32Array;
  /** How much each scored token counts in the mean loss, times its own of `tokenWeights`; default 1. */
  readonly tokenWeight?: number;
}

/** Sequences one below the other, a row for every token that is read: all but the last of each. */
export interface SequenceRows {
  readonly length: number;
  readonly ids: Int32Array;
  /** The token that follows each row. */
  readonly targets: Int32Array;
  /** Share of each row's loss in the mean; 0 = not scored. */
  readonly lossWeights: Float32Array;
  readonly table: RotaryTable;
  /** Added to the attention scores of each row as a key; null = 0 throughout. */
  readonly keyBias: Float32Array | null;
  readonly spans: readonly Span[];
}

/** The rows of one sequence. */
export interface Span {
  readonly sequence: GradientSequence;
  readonly from: number;
  readonly to: number;
}

/** Throws on sequences that cannot be scored. */
export function sequenceRows(
  sequences: readonly GradientSequence[],
  vocabularySize: number,
  rotaryWidth: number,
): SequenceRows {
  let length = 0;
  const spans = sequences.map((sequence) => {
    const { ids, scoreFrom, positions, multiplicities, tokenWeights } = sequence;
    if (!(scoreFrom >= 1 && scoreFrom < ids.length)) throw new Error(`scoreFrom ${scoreFrom} of ${ids.length} tokens`);
    if (positions && positions.length !== ids.length)
      throw new Error(`${positions.length} positions of ${ids.length} tokens`);
    if (multiplicities && multiplicities.length !== ids.length)
      throw new Error(`${multiplicities.length} multiplicities of ${ids.length} tokens`);
    const uncountable = multiplicities?.find((count) => !(count > 0));
    if (uncountable !== undefined) throw new Error(`a token that counts ${uncountable} times`);
    if (tokenWeights && tokenWeights.length !== scored(sequence))
      throw new Error(`${tokenWeights.length} weights of ${scored(sequence)} scored tokens`);
    // ONNX Runtime would see only the targets.
    const foreign = ids.find((id) => id < 0 || id >= vocabularySize);
    if (foreign !== undefined) throw new Error(`token ${foreign} of a vocabulary of ${vocabularySize}`);
    const from = length;
    length += ids.length - 1;
    return { sequence, from, to: length };
  });
  const total = lossWeight(sequences);
  if (!(total > 0)) throw new Error(`scored tokens weigh ${total}`);
  const rows = {
    ids: new Int32Array(length),
    targets: new Int32Array(length),
    lossWeights: new Float32Array(length),
    cos: new Float32Array(length * rotaryWidth),
    sin: new Float32Array(length * rotaryWidth),
  };
  const keyBias = sequences.some(({ multiplicities }) => multiplicities) ? new Float32Array(length) : null;
  for (const { sequence, from, to } of spans) {
    const { ids, rope, scoreFrom, multiplicities, tokenWeights } = sequence;
    rows.ids.set(ids.subarray(0, -1), from);
    rows.targets.set(ids.subarray(1), from);
    const share = weightOf(sequence) / total;
    if (tokenWeights)
      rows.lossWeights.set(
        tokenWeights.map((weight) => weight * share),
        from + scoreFrom - 1,
      );
    else rows.lossWeights.fill(share, from + scoreFrom - 1, to);
    if (multiplicities) keyBias?.set(multiplicities.subarray(0, -1).map(Math.log), from);
    const table = rotaryTableAt(rope, { length: to - from, position: positionOf(sequence) });
    rows.cos.set(table.cos, from * rotaryWidth);
    rows.sin.set(table.sin, from * rotaryWidth);
  }
  const { cos, sin, ...others } = rows;
  return { length, spans, keyBias, table: { length, width: rotaryWidth, cos, sin }, ...others };
}

/** How much sequences count together: the mean of several batches weighs each one's mean loss and gradient by it. */
export function lossWeight(sequences: readonly GradientSequence[]): number {
  return sequences.reduce((sum, sequence) => sum + weightOf(sequence) * scoredWeight(sequence), 0);
}

function weightOf({ tokenWeight = 1 }: GradientSequence): number {
  return tokenWeight;
}

/** The gradient with respect to one sequence's own table, and carried on to its frequencies and attention factor. */
export function spanGradient(
  { sequence, from, to }: Span,
  { table }: SequenceRows,
  whole: TableGradient,
): { readonly table: TableGradient; readonly rope: RopeGradient } {
  const { width } = table;
  const part = <T extends Float32Array | Float64Array>(of: T) => of.subarray(from * width, to * width) as T;
  const gradient = { cos: part(whole.cos), sin: part(whole.sin) };
  const own = { length: to - from, width, cos: part(table.cos), sin: part(table.sin) };
  return { table: gradient, rope: ropeGradient(sequence.rope, own, gradient, positionOf(sequence)) };
}

/** Mean loss of the scored tokens of one sequence, all alike, from the losses of all rows. */
export function spanLoss({ sequence, from, to }: Span, losses: Float32Array): number {
  let sum = 0;
  for (let row = from + sequence.scoreFrom - 1; row < to; row++) sum += losses[row] as number;
  return sum / scored(sequence);
}

function scored({ ids, scoreFrom }: LossRequest): number {
  return ids.length - scoreFrom;
}

function positionOf({ positions }: GradientSequence): (row: number) => number {
  return positions ? (row) => positions[row] as number : (row) => row;
}
