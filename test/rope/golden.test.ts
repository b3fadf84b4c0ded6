import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseRopeConfig } from '../../src/model/rope-config.js';
import { type RotaryTable, resolveRope, rotaryTable } from '../../src/rope/index.js';

interface Spot {
  readonly position: number;
  readonly cos: readonly number[];
  readonly sin: readonly number[];
}

interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>> & { readonly head_dim: number };
  readonly originalLength: number;
  readonly lengths: readonly { readonly length: number; readonly set: number; readonly attentionFactor: number }[];
  readonly inverseFrequencies: readonly { readonly float32: readonly number[]; readonly float64: readonly number[] }[];
  readonly tables: readonly { readonly length: number; readonly rows: readonly Spot[] }[];
}

const { cases, transformers } = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../oracle/rope-golden.json'), 'utf8'),
) as { cases: readonly Case[]; transformers: string };

/**
 * transformers computes in float32. A width that is no power of two makes its exponents i/d inexact, and blends (yarn, llama3)
 * subtract; both magnify the rounding. With its functions in float64 the difference is 1e-14.
 */
const FLOAT32_TOLERANCE = 2e-7;
const FLOAT32_TOLERANCE_MAGNIFIED = 4e-7;
const FLOAT64_TOLERANCE = 1e-14;
/** cos and sin each rounded once here, to within one unit in the last place there; then one product. */
const TABLE_TOLERANCE = 2 ** -23;

const largest = { frequency: 0, doubleFrequency: 0, table: 0, tableOfOurFrequencies: 0 };

afterAll(() => console.log('largest differences:', largest));

describe(`transformers ${transformers}`, () => {
  it('covers every type, and tables of most', () => {
    expect(new Set(cases.map((golden) => parse(golden).scaling.type)).size).toBe(7);
    expect(cases.filter(({ tables }) => tables.length > 0).length).toBeGreaterThanOrEqual(8);
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))('%s', (_, golden) => {
    const { geometry, scaling, originalLength } = parse(golden);
    expect(originalLength).toBe(golden.originalLength);
    const isPowerOfTwo = Number.isInteger(Math.log2(geometry.rotaryDim));
    const isBlended = scaling.type === 'yarn' || scaling.type === 'llama3';
    for (const { length, set, attentionFactor } of golden.lengths) {
      const resolved = resolveRope(geometry, scaling, length);
      const { float32, float64 } = golden.inverseFrequencies[set]!;
      expect(Math.abs(resolved.attentionFactor - attentionFactor)).toBeLessThan(1e-12);
      const difference = largestRelative(resolved.inverseFrequency, float32.map(Math.fround));
      const tolerance = isPowerOfTwo && !isBlended ? FLOAT32_TOLERANCE : FLOAT32_TOLERANCE_MAGNIFIED;
      expect(difference).toBeLessThan(tolerance);
      const doubleDifference = largestRelative(resolved.inverseFrequency, float64);
      expect(doubleDifference).toBeLessThan(FLOAT64_TOLERANCE);
      largest.frequency = Math.max(largest.frequency, difference);
      largest.doubleFrequency = Math.max(largest.doubleFrequency, doubleDifference);
    }
  });

  it.each(cases.filter(({ tables }) => tables.length > 0).map((golden) => [golden.name, golden] as const))(
    'tables of %s',
    (_, golden) => {
      const { geometry, scaling } = parse(golden);
      for (const { length, rows } of golden.tables) {
        const ours = resolveRope(geometry, scaling, length);
        const { set } = golden.lengths.find((known) => known.length >= length)!;
        const theirs = Float64Array.from(golden.inverseFrequencies[set]!.float32, Math.fround);
        for (const spot of rows) {
          const sameFrequencies = rotaryTable({ ...ours, inverseFrequency: theirs }, 1, spot.position);
          const ourTable = rotaryTable(ours, 1, spot.position);
          for (const [pair, frequency] of theirs.entries()) {
            const difference = distance(sameFrequencies, spot, pair);
            largest.table = Math.max(largest.table, difference);
            expect(difference).toBeLessThan(TABLE_TOLERANCE * ours.attentionFactor);
            // Another frequency turns by another angle, and both angles are rounded.
            const angle =
              spot.position * (Math.abs(Math.fround(ours.inverseFrequency[pair]!) - frequency) + 2 ** -23 * frequency);
            const ownDifference = distance(ourTable, spot, pair);
            largest.tableOfOurFrequencies = Math.max(largest.tableOfOurFrequencies, ownDifference);
            expect(ownDifference).toBeLessThan((angle + TABLE_TOLERANCE) * ours.attentionFactor);
          }
        }
      }
    },
  );
});

function parse({ config }: Case) {
  return parseRopeConfig(config, { headDim: config.head_dim });
}

/** Largest |found / expected - 1|; pairs that do not turn must be exactly 0. */
function largestRelative(found: ArrayLike<number>, expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  return Math.max(...expected.map((value, i) => Math.abs(value === 0 ? found[i]! : found[i]! / value - 1)));
}

function distance({ cos, sin }: RotaryTable, spot: Spot, pair: number): number {
  return Math.max(
    Math.abs(cos[pair]! - Math.fround(spot.cos[pair]!)),
    Math.abs(sin[pair]! - Math.fround(spot.sin[pair]!)),
  );
}
