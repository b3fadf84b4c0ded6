import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attentionFactorOf,
  baseInverseFrequency,
  CLOSED_FORMS,
  type ClosedForm,
  closedFormFactors,
  criticalDimension,
  isMonotone,
  longropeAttentionFactor,
  parseFactorFile,
  RELEASED_YARN_BETAS,
  type RopeScaling,
  releasedYarnFactors,
  rescaledRope,
  resolveRope,
  wavelengths,
  YARN_DEFAULTS,
  yarnKeep,
} from '../../src/rope/index.js';
import { yarnRamp } from '../../src/rope/yarn-ramp.js';

const LLAMA2 = { theta: 10_000, headDim: 128, rotaryDim: 128 };
const FACTORS = path.resolve(import.meta.dirname, '../../../shared/data/factors');

const geometries = fc
  .record({ pairs: fc.integer({ min: 2, max: 128 }), theta: fc.double({ min: 100, max: 1e7, noNaN: true }) })
  .map(({ pairs, theta }) => ({ theta, headDim: 2 * pairs, rotaryDim: 2 * pairs }));
const ratios = fc.double({ min: 1, max: 512, noNaN: true });
const lengths = fc.integer({ min: 64, max: 2 ** 17 });

function expectClose(
  found: ArrayLike<number>,
  expected: ArrayLike<number> & Iterable<number>,
  tolerance = 1e-13,
): void {
  expect(found.length).toBe(expected.length);
  for (const [pair, value] of [...expected].entries())
    expect(Math.abs(found[pair]! / value - 1)).toBeLessThan(tolerance);
}

describe('closed forms as factors turn like the scaling type', () => {
  const property = (form: ClosedForm, counterpart: (ratio: number, originalLength: number) => RopeScaling) =>
    fc.assert(
      fc.property(geometries, ratios, lengths, (geometry, ratio, originalLength) => {
        const factors = closedFormFactors(form, geometry, { ratio, originalLength });
        const rescaled = rescaledRope(geometry, { factors, attentionFactor: 1, startTokens: 0 });
        // Dynamic NTK with factor 1 at length ratio * original has growth = ratio.
        const scaled = resolveRope(geometry, counterpart(ratio, originalLength), ratio * originalLength);
        // The same formula in two orders of float32 operations.
        expectClose(rescaled.inverseFrequency, scaled.inverseFrequency, 2e-6);
      }),
    );

  it('none and default', () => property('none', () => ({ type: 'default' })));
  it('pi and linear', () => property('pi', (factor) => ({ type: 'linear', factor })));
  it('ntk and dynamic', () =>
    property('ntk', (_, maxPositionEmbeddings) => ({ type: 'dynamic', factor: 1, maxPositionEmbeddings })));
  it('yarn and yarn', () =>
    property('yarn', (factor, originalLength) => ({ type: 'yarn', factor, originalLength, ...YARN_DEFAULTS })));
  it('half-turn and yarn with betas of 2 and 0.5, which engines can be given', () =>
    fc.assert(
      fc.property(geometries, ratios, lengths, (geometry, ratio, originalLength) => {
        const ramp = { betaFast: 2, betaSlow: 0.5, truncate: false, originalLength };
        // The ends of engines' ramps are clamped, at pairs that may not exist.
        const { low, high } = yarnRamp(geometry, ramp);
        fc.pre(low > 0 && high < geometry.rotaryDim - 1);
        const keep = yarnKeep(geometry, ramp).map((kept) => 1 / ((1 - kept) / ratio + kept));
        expectClose(closedFormFactors('half-turn', geometry, { ratio, originalLength }), keep, 1e-9);
      }),
    ));
});

describe('closed forms', () => {
  it('never decrease and stay within 1 and the ratio', () => {
    fc.assert(
      fc.property(geometries, ratios, lengths, (geometry, ratio, originalLength) => {
        for (const form of CLOSED_FORMS) {
          const factors = closedFormFactors(form, geometry, { ratio, originalLength });
          expect(isMonotone(factors)).toBe(true);
          expect(factors[0]).toBeGreaterThanOrEqual(1);
          expect(factors.at(-1)).toBeLessThanOrEqual(ratio * (1 + 1e-12));
        }
      }),
    );
  });

  it('ntk ends at the ratio, also with a single pair', () => {
    expect(closedFormFactors('ntk', LLAMA2, { ratio: 8, originalLength: 4096 }).at(-1)).toBeCloseTo(8, 12);
    const single = { theta: 10_000, headDim: 2, rotaryDim: 2 };
    expect([...closedFormFactors('ntk', single, { ratio: 8, originalLength: 4096 })]).toEqual([1]);
  });

  it('at ratio 1 change nothing', () => {
    for (const form of CLOSED_FORMS)
      expect(new Set(closedFormFactors(form, LLAMA2, { ratio: 1, originalLength: 4096 }))).toEqual(new Set([1]));
  });
});

describe('half-turn', () => {
  it('leaves alone what turns twice within the original length and slows all of what turns less than half', () => {
    fc.assert(
      fc.property(geometries, ratios, lengths, (geometry, ratio, originalLength) => {
        const factors = closedFormFactors('half-turn', geometry, { ratio, originalLength });
        const turns = wavelengths(baseInverseFrequency(geometry)).map((wavelength) => originalLength / wavelength);
        for (const [pair, count] of turns.entries()) {
          if (count > 2 * (1 + 1e-6)) expect(factors[pair]).toBeCloseTo(1, 9);
          if (count < 0.5 * (1 - 1e-6)) expect(factors[pair]).toBeCloseTo(ratio, 9);
        }
      }),
    );
  });
});

describe('the released YaRN start', () => {
  const published = (file: string) =>
    parseFactorFile(readFileSync(path.join(FACTORS, file), 'utf8'), { rotaryPairs: 64, name: file }).factors;

  it.each([
    ...[40, 50, 64, 128].map((ratio) => [`init_alpha/dim_mono_yarn_${ratio}x.csv`, ratio] as const),
    ...[2, 4, 8, 16, 32].map((ratio) => [`init_alpha/older/dim_mono_n_${4096 * ratio}.csv`, ratio] as const),
  ])('is the published %s', (file, ratio) => {
    // The files hold float32 arithmetic: 1 - m is off by 2^-24, and is multiplied by the ratio.
    expectClose(releasedYarnFactors(LLAMA2, { ratio, originalLength: 4096 }), published(file), 1e-6);
  });

  it.each([
    [8, 3.3],
    [32, 21.7],
    [64, 49.0],
  ])('is off YaRN at %dx by %d', (ratio, gap) => {
    const released = releasedYarnFactors(LLAMA2, { ratio, originalLength: 4096 });
    const yarn = closedFormFactors('yarn', LLAMA2, { ratio, originalLength: 4096 });
    expect(Math.max(...released.map((factor, pair) => Math.abs(factor - yarn[pair]!)))).toBeCloseTo(gap, 1);
  });

  it('keeps fewer pairs with the mistral betas', () => {
    const keptPairs = (betas: { betaFast: number; betaSlow: number }) =>
      releasedYarnFactors(LLAMA2, { ratio: 8, originalLength: 4096 }, betas).filter((factor) => factor === 1).length;
    expect(keptPairs(RELEASED_YARN_BETAS.mistral)).toBeLessThan(keptPairs(RELEASED_YARN_BETAS.llama));
  });
});

describe('critical dimension', () => {
  it.each([
    ['Phi3-mini', { theta: 1e4, headDim: 96, rotaryDim: 96 }, 2048, 31, 19],
    ['LLaMA3-8B', { theta: 5e5, headDim: 128, rotaryDim: 128 }, 8192, 35, 24],
  ])('of %s is what LongRoPE2 states', (_, geometry, length, critical, tenPeriods) => {
    expect(criticalDimension(geometry, length)).toBe(critical);
    expect(criticalDimension(geometry, length, 10)).toBe(tenPeriods);
  });

  it('separates wavelengths within the trained length from those beyond', () => {
    fc.assert(
      fc.property(geometries, lengths, fc.integer({ min: 1, max: 20 }), (geometry, length, periods) => {
        const critical = criticalDimension(geometry, length, periods);
        const turns = wavelengths(baseInverseFrequency(geometry)).map((wavelength) => length / wavelength);
        // Powers and logarithms round differently, so a pair on the very boundary may fall on either side.
        for (const [pair, count] of turns.entries())
          if (Math.abs(count / periods - 1) > 1e-6) expect(count > periods).toBe(pair < critical);
      }),
    );
  });
});

describe('wavelengths', () => {
  it('start at 2 pi and grow', () => {
    fc.assert(
      fc.property(geometries, (geometry) => {
        const found = wavelengths(baseInverseFrequency(geometry));
        expect(found[0]).toBe(2 * Math.PI);
        expect(found.every((value, pair) => pair === 0 || value > found[pair - 1]!)).toBe(true);
      }),
    );
  });

  it('are infinite for pairs that do not turn', () => {
    const geometry = { theta: 1e6, headDim: 8, rotaryDim: 8, rotatingPairs: 2 };
    const found = wavelengths(baseInverseFrequency(geometry));
    expect(found[1]).toBeCloseTo(2 * Math.PI * 1e6 ** 0.25, 4);
    expect([...found.slice(2)]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });
});

describe('attention factor', () => {
  it.each([
    [2, 4096, 1.0408],
    [32, 4096, 1.1902],
    [512, 4096, 1.3229],
    [16, 8192, 1.1435],
  ])('longrope at %dx of %d', (ratio, original, expected) => {
    expect(longropeAttentionFactor(ratio, original)).toBeCloseTo(expected, 4);
  });

  it('is 1 without extension, and for types that have none', () => {
    expect(longropeAttentionFactor(0.5, 4096)).toBe(1);
    expect(longropeAttentionFactor(1, 4096)).toBe(1);
    expect(attentionFactorOf({ type: 'linear', factor: 8 })).toBe(1);
  });
});
