import { type Problem, UserError } from '../../errors.js';
import { comparePaired, holm } from '../statistics/paired.js';
import { pairedUnits, ratioMean } from '../statistics/ratio.js';
import type { Measure } from './measures.js';

export interface GateLimits {
  /** Percent by which a perplexity may grow. */
  readonly maxPerplexityIncrease: number;
  /** Points (of 100) by which an accuracy may fall. */
  readonly maxAccuracyDrop: number;
  /** Fail only where the loss is also significant: p below 0.05 after Holm's correction over all rows. */
  readonly onlySignificant: boolean;
}

export interface GateRow {
  readonly name: string;
  readonly kind: Measure['kind'];
  /** Perplexity, or points. */
  readonly before: number;
  readonly after: number;
  /** Percent of the perplexity, or points; positive is worse for perplexity, better for accuracy. */
  readonly change: number;
  /** 95 % interval of `change`, paired over documents or questions; null for fewer than two. */
  readonly interval: { readonly low: number; readonly high: number } | null;
  /** Two-sided, adjusted for the number of rows. */
  readonly pValue: number;
  /** Documents or questions. */
  readonly pairs: number;
  readonly limit: number;
  readonly passed: boolean;
}

const SIGNIFICANCE = 0.05;

/**
 * Before against after on what both were asked: every measure of one must be in the other. Throws one `UserError` with all
 * that cannot be compared, as a gate that compares less than it seems to is worse than none.
 */
export function runGate(before: readonly Measure[], after: readonly Measure[], limits: GateLimits): GateRow[] {
  const pairs = pairMeasures(before, after);
  const compared = pairs.map(([old, now]) => {
    const ids = [...old.values.keys()];
    const was = ids.map((id) => old.values.get(id) as number);
    const is = ids.map((id) => now.values.get(id) as number);
    const weights = ids.map((id) => old.weights.get(id) as number);
    return { measure: old, was, is, weights, paired: comparePaired(is, was, { weights }) };
  });
  const adjusted = holm(compared.map(({ paired }) => paired.pValue));
  return compared.map(({ measure, was, is, weights, paired }, i) => {
    const scale = measure.kind === 'perplexity' ? percentOfRatio : (points: number) => 100 * points;
    const level = measure.kind === 'perplexity' ? (loss: number) => Math.exp(loss) : (share: number) => 100 * share;
    const change = scale(paired.difference);
    const pValue = adjusted[i] as number;
    const limit = measure.kind === 'perplexity' ? limits.maxPerplexityIncrease : limits.maxAccuracyDrop;
    const lost = measure.kind === 'perplexity' ? change : -change;
    // A loss that is not a number has to fail.
    const within = lost <= limit;
    return {
      name: measure.name,
      kind: measure.kind,
      before: level(ratioMean(pairedUnits(was, weights))),
      after: level(ratioMean(pairedUnits(is, weights))),
      change,
      interval: paired.interval && { low: scale(paired.interval.low), high: scale(paired.interval.high) },
      pValue,
      pairs: paired.pairs,
      limit,
      passed: within || (limits.onlySignificant && Number.isFinite(lost) && pValue >= SIGNIFICANCE),
    };
  });
}

function pairMeasures(before: readonly Measure[], after: readonly Measure[]): [Measure, Measure][] {
  const problems: Problem[] = [];
  const pairs = before.flatMap((old): [Measure, Measure][] => {
    const now = after.find(({ name }) => name === old.name);
    if (now === undefined) {
      problems.push({ where: old.name, expected: 'the same measure after', found: 'none' });
      return [];
    }
    for (const { what, identity, shown } of old.asked) {
      const other = now.asked.find((condition) => condition.what === what);
      if (other?.identity === identity) continue;
      problems.push({
        where: old.name,
        expected: `the same ${what} after, ${shown}`,
        found: other?.shown ?? 'nothing',
        ...(what === 'tokenizer' && { fix: 'evaluate both with one --tokenizer' }),
      });
    }
    const missing = [...old.values.keys()].filter((id) => !now.values.has(id));
    if (missing.length > 0 || now.values.size !== old.values.size)
      problems.push({
        where: old.name,
        expected: `the same ${old.values.size} documents or questions after`,
        found: `${now.values.size}${missing.length > 0 ? `, without ${missing.slice(0, 3).join(', ')}` : ''}`,
      });
    return [[old, now]];
  });
  for (const { name } of after)
    if (!before.some((old) => old.name === name))
      problems.push({ where: name, expected: 'the same measure before', found: 'none' });
  if (before.length === 0)
    problems.push({
      where: 'before',
      expected: 'a perplexity at or below the original length, or a benchmark',
      found: 'none',
    });
  if (problems.length > 0) throw new UserError('input', problems);
  return pairs;
}

function percentOfRatio(lossDifference: number): number {
  return 100 * Math.expm1(lossDifference);
}
