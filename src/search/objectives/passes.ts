import { scoredWeight } from '../../runtime/scored-weight.js';
import type { ObjectiveMeasure, ScoredRow } from './measures.js';

/** A length in tokens, BOS included, and its share in the mean; shares need not sum to 1. */
export interface WeightedLength {
  readonly length: number;
  readonly weight: number;
}

/** What one pass contributes to one part of an objective. */
export interface Share {
  /** Index into the parts. */
  readonly part: number;
  /** Of this part in the whole; those of a document sum to 1. */
  readonly share: number;
  readonly row: ScoredRow;
}

/** One forward pass and all that is read from it: of rows of its `ids`, and of rows that are a beginning of them. */
export interface Pass {
  readonly ids: Int32Array;
  readonly scoreFrom: number;
  readonly shares: readonly Share[];
}

export interface Plan {
  /** Every measure at every length. */
  readonly parts: readonly string[];
  /** Of each document. */
  readonly passes: readonly (readonly Pass[])[];
}

/**
 * What has to be computed for a weighted mean over lengths and measures. A row that is the beginning of another costs no pass of its own:
 * no token sees what comes after it, and a candidate is the same set at every length.
 */
export function planPasses(
  measures: readonly ObjectiveMeasure[],
  lengths: readonly WeightedLength[],
  documents: number,
): Plan {
  const cells = lengths.flatMap(({ length, weight }) =>
    measures.map((measure) => ({
      name: `${measure.name} ${length}`,
      weight: weight * measure.weight,
      rows: measure.rows(length),
    })),
  );
  const total = cells.reduce((sum, { weight }) => sum + weight, 0);
  const passes = Array.from({ length: documents }, (_, document) => {
    const shares = cells.map(({ weight, rows }, part) => ({
      part,
      share: weight / total,
      row: rows[document] as ScoredRow,
    }));
    const passes: Share[][] = [];
    for (const share of shares.toSorted((a, b) => b.row.ids.length - a.row.ids.length)) {
      const longer = passes.find(([first]) => isBeginning(share.row.ids, (first as Share).row.ids));
      if (longer === undefined) passes.push([share]);
      else longer.push(share);
    }
    return passes.map((of): Pass => {
      const [{ row }] = of as [Share];
      return { ids: row.ids, scoreFrom: Math.min(...of.map((share) => share.row.scoreFrom)), shares: of };
    });
  });
  return { parts: cells.map(({ name }) => name), passes };
}

function isBeginning(of: Int32Array, whole: Int32Array): boolean {
  return of === whole || of.every((id, i) => id === whole[i]);
}

/** Tokens that a pass predicts, whether they count or not. */
export function predictedTokens({ ids }: Pick<ScoredRow, 'ids'>): number {
  return ids.length - 1;
}

/** Mean loss of a row's scored tokens, from losses of the tokens from `from` on. */
export function meanLoss(row: ScoredRow, losses: Float32Array, from: number): number {
  let sum = 0;
  for (let i = 0, at = row.scoreFrom - from; at < row.ids.length - from; i++, at++) {
    const weight = row.tokenWeights?.[i] ?? 1;
    // Not 0 times a loss that may be infinite.
    if (weight > 0) sum += weight * (losses[at] as number);
  }
  return sum / scoredWeight(row);
}

/** Weight of every token of a pass in the whole, as many as are scored; undefined where all count alike and sum to `share`. */
export function tokenShares({ ids, scoreFrom, shares }: Pass): Float32Array | undefined {
  const countsAlike = ({ row }: Share) =>
    row.tokenWeights === undefined && row.scoreFrom === scoreFrom && row.ids.length === ids.length;
  if (shares.every(countsAlike)) return undefined;
  const sum = new Float32Array(ids.length - scoreFrom);
  for (const { share, row } of shares) {
    const each = share / scoredWeight(row);
    for (let token = row.scoreFrom; token < row.ids.length; token++)
      sum[token - scoreFrom] =
        (sum[token - scoreFrom] as number) + each * (row.tokenWeights?.[token - row.scoreFrom] ?? 1);
  }
  return sum;
}
