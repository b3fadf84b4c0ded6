import mt19937 from '@stdlib/random-base-mt19937';
import { type Interval, ratioMean, type WeightedSum } from './ratio.js';

export interface BootstrapOptions {
  readonly seed: number;
  readonly draws?: number;
  readonly level?: number;
}

/**
 * Percentile bootstrap interval of sum / weight, with whole documents drawn again (Efron 1979): asks for no normal
 * distribution, but for more than a handful of documents. The same seed gives the same interval. Null for fewer than two.
 */
export function bootstrapInterval(
  units: readonly WeightedSum[],
  { seed, draws = 10_000, level = 0.95 }: BootstrapOptions,
): Interval | null {
  if (units.length < 2 || !Number.isFinite(ratioMean(units))) return null;
  const word = mt19937.factory({ seed: seed + 1 });
  const means = new Float64Array(draws);
  for (let draw = 0; draw < draws; draw++) {
    const sample = units.map(() => units[Math.floor((word() / 2 ** 32) * units.length)] as WeightedSum);
    means[draw] = ratioMean(sample);
  }
  means.sort();
  const at = (share: number) => means[Math.round(share * (draws - 1))] as number;
  return { low: at((1 - level) / 2), high: at((1 + level) / 2), level };
}
