import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { biasCorrectedInterval, bootstrapInterval } from '../../src/evaluation/statistics/bootstrap.js';
import { comparePaired, holm, signTest } from '../../src/evaluation/statistics/paired.js';
import { ratioMean } from '../../src/evaluation/statistics/ratio.js';

const golden = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../oracle/statistics.json'), 'utf8')) as {
  readonly signedRanks: readonly { readonly differences: readonly number[]; readonly pValue: number }[];
  readonly sign: readonly { readonly differences: readonly number[]; readonly pValue: number }[];
  readonly bootstrap: readonly {
    readonly sample: readonly number[];
    readonly draws: readonly (readonly number[])[];
    readonly low: number;
    readonly high: number;
  }[];
  readonly holm: readonly { readonly pValues: readonly number[]; readonly adjusted: readonly number[] }[];
};

let largest = 0;
afterAll(() => console.log(`paired tests against scipy: largest difference ${largest.toExponential(1)}`));

function expectClose(found: number, expected: number): void {
  largest = Math.max(largest, Math.abs(found - expected));
  expect(Math.abs(found - expected)).toBeLessThan(1e-9);
}

const zeros = (values: readonly number[]) => values.map(() => 0);
const losses = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 60 });

describe('paired comparison', () => {
  it('has the p-values of scipy', () => {
    for (const { differences, pValue } of golden.signedRanks) {
      const found = comparePaired(differences, zeros(differences));
      expect(found.test).toBe('wilcoxon');
      expectClose(found.pValue, pValue);
    }
    for (const { differences, pValue } of golden.sign) {
      const found = comparePaired(differences, zeros(differences));
      expect(found.test).toBe('sign');
      expectClose(found.pValue, pValue);
    }
  });

  it('changes sign with the sides and keeps its p-value', () => {
    fc.assert(
      fc.property(losses, (values) => {
        const there = comparePaired(values, zeros(values));
        const back = comparePaired(zeros(values), values);
        expect(back.difference).toBeCloseTo(-there.difference, 12);
        expect(back.pValue).toBeCloseTo(there.pValue, 9);
        expect(there.pValue).toBeGreaterThanOrEqual(0);
        expect(there.pValue).toBeLessThanOrEqual(1);
        if (there.interval !== null) {
          expect(there.interval.low).toBeLessThanOrEqual(there.difference + 1e-12);
          expect(there.interval.high).toBeGreaterThanOrEqual(there.difference - 1e-12);
        }
      }),
    );
  });

  it('does not depend on the order of the pairs', () => {
    fc.assert(
      fc.property(losses, (values) => {
        const reversed = values.toReversed();
        expectClose(comparePaired(reversed, zeros(reversed)).pValue, comparePaired(values, zeros(values)).pValue);
      }),
    );
  });

  it('ranks a loss that became infinite last, and makes no number of two infinite ones', () => {
    const infinite = Number.POSITIVE_INFINITY;
    expect(comparePaired([infinite, 1, 2], [5, 1.5, 2.25]).pValue).toBe(
      comparePaired([9, 1, 2], [5, 1.5, 2.25]).pValue,
    );
    expect(comparePaired([infinite, 1.5, 2], [infinite, 1, 1.75]).pValue).toBe(0.5);
  });

  it('finds nothing where nothing differs, and refuses what cannot be paired', () => {
    expect(comparePaired([0.5, 2], [0.5, 2])).toMatchObject({ difference: 0, pValue: 1 });
    expect(signTest([0, 0])).toBe(1);
    expect(() => comparePaired([1], [1, 2])).toThrow('1 values paired with 2');
  });
});

describe("Holm's correction", () => {
  it('is that of statsmodels', () => {
    for (const { pValues, adjusted } of golden.holm)
      holm(pValues).forEach((value, i) => {
        expectClose(value, adjusted[i] as number);
      });
  });

  it('never lowers a p-value and keeps their order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (pValues) => {
        const adjusted = holm(pValues);
        for (const [i, value] of adjusted.entries()) {
          expect(value).toBeGreaterThanOrEqual(pValues[i] as number);
          for (const [j, other] of adjusted.entries())
            if ((pValues[i] as number) < (pValues[j] as number)) expect(value).toBeLessThanOrEqual(other);
        }
      }),
    );
  });
});

describe('bootstrap over documents', () => {
  const units = Array.from({ length: 12 }, (_, i) => ({ sum: 100 * (3 + Math.sin(i)), weight: 100 + i }));

  it('is the BCa interval of scipy for the same draws', () => {
    for (const { sample, draws, low, high } of golden.bootstrap) {
      const interval = biasCorrectedInterval(
        sample.map((sum) => ({ sum, weight: 1 })),
        draws,
        0.95,
      );
      expectClose(interval?.low ?? Number.NaN, low);
      expectClose(interval?.high ?? Number.NaN, high);
    }
  });

  it('is repeatable, holds the estimate and narrows with its level', () => {
    const interval = bootstrapInterval(units, { seed: 3 });
    expect(interval).toEqual(bootstrapInterval(units, { seed: 3 }));
    expect(interval?.low).toBeLessThan(ratioMean(units));
    expect(interval?.high).toBeGreaterThan(ratioMean(units));
    const narrower = bootstrapInterval(units, { seed: 3, level: 0.5 });
    expect(narrower?.low).toBeGreaterThan(interval?.low as number);
    expect(narrower?.high).toBeLessThan(interval?.high as number);
  });

  it('says nothing of fewer than five documents, nor of a loss that is not finite', () => {
    expect(bootstrapInterval(units.slice(0, 4))).toBeNull();
    expect(bootstrapInterval(units.slice(0, 5))).not.toBeNull();
    expect(bootstrapInterval([...units, { sum: Number.POSITIVE_INFINITY, weight: 100 }])).toBeNull();
  });

  it('draws every document about equally often', () => {
    // One document in ten is far off: the interval reaches as far as a normal one only if it is drawn one time in ten.
    const flat = Array.from({ length: 1000 }, (_, i) => ({ sum: i % 10 === 0 ? 10 : 0, weight: 1 }));
    const { low, high } = bootstrapInterval(flat, { draws: 2000 }) as { low: number; high: number };
    const reach = 1.96 * Math.sqrt((0.1 * 0.9 * 100) / 1000);
    expect(Math.abs(high - low - 2 * reach)).toBeLessThan(0.02);
    // The correction for skewness moves it a little to the right.
    expect(Math.abs((high + low) / 2 - 1)).toBeLessThan(0.04);
  });
});
