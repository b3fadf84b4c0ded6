import { toFigure, toInterval } from '../records/figures.js';
import type { RecordOf } from '../records/record.js';
import { bootstrapInterval } from '../statistics/bootstrap.js';
import { expInterval, ratioInterval, ratioMean } from '../statistics/ratio.js';

/** When a token counts as one that needs the long context (LongPPL, arXiv 2410.23771). */
export interface KeyTokenRule {
  /** Least gain of log-probability from the long context over the short one, nats. */
  readonly alpha: number;
  /** Least log-probability given the long context: what a judge cannot predict at all is no evidence of anything. */
  readonly beta: number;
}

export const KEY_TOKEN_RULE: KeyTokenRule = { alpha: 2, beta: -2 };

/** Indices of the key tokens, from the judge's losses of the same tokens with the long and with the short context. */
export function keyTokens(long: Float32Array, short: Float32Array, { alpha, beta }: KeyTokenRule): number[] {
  if (long.length !== short.length) throw new Error(`${long.length} long losses, ${short.length} short ones`);
  const keys: number[] = [];
  for (let i = 0; i < long.length; i++) {
    const loss = long[i] as number;
    if ((short[i] as number) - loss > alpha && -loss > beta) keys.push(i);
  }
  return keys;
}

/** What one method's losses of a document come to; sums in nats. */
export interface DocumentSums {
  readonly tokens: number;
  readonly keyTokens: number;
  readonly sum: number;
  readonly keySum: number;
}

export function documentSums(losses: Float32Array, keys: readonly number[]): DocumentSums {
  let sum = 0;
  for (const loss of losses) sum += loss;
  const keySum = keys.reduce((total, key) => total + (losses[key] as number), 0);
  return { tokens: losses.length, keyTokens: keys.length, sum, keySum };
}

type LongPerplexityResult = RecordOf<'longppl'>['results'][number];

/** exp of the mean loss over all key tokens of all documents; null where there are none. */
export function longPerplexityResult(
  where: Pick<LongPerplexityResult, 'method' | 'length' | 'judge'>,
  documents: readonly (DocumentSums & { readonly id: string })[],
): LongPerplexityResult {
  const withKeys = documents.filter((document) => document.keyTokens > 0);
  const units = withKeys.map(({ keySum, keyTokens: weight }) => ({ sum: keySum, weight }));
  const perToken = (sum: number, count: number) => (count === 0 ? null : toFigure(sum / count));
  return {
    ...where,
    longPerplexity: units.length === 0 ? null : toFigure(Math.exp(ratioMean(units))),
    interval: toInterval(expInterval(ratioInterval(units))),
    bootstrap: toInterval(expInterval(bootstrapInterval(units))),
    perplexity: toFigure(Math.exp(ratioMean(documents.map(({ sum, tokens }) => ({ sum, weight: tokens }))))),
    keyTokens: documents.reduce((total, document) => total + document.keyTokens, 0),
    tokens: documents.reduce((total, { tokens }) => total + tokens, 0),
    documents: documents.map(({ id, tokens, keyTokens: keys, sum, keySum }) => ({
      id,
      tokens,
      keyTokens: keys,
      meanLoss: perToken(sum, tokens),
      keyLoss: perToken(keySum, keys),
    })),
  };
}
