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
  readonly inverseFrequencies: readonly (readonly number[])[];
  readonly tables: readonly { readonly length: number; readonly rows: readonly Spot[] }[];
}

const { cases, transformers } = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../oracle/rope-golden.json'), 'utf8'),
) as { cases: readonly Case[]; transformers: string };

/** Units in the last place. Only the power is not rounded correctly by torch: one unit, which a reciprocal may double. */
const FREQUENCY_TOLERANCE = 2;
/** cos and sin each rounded once here, to within one unit in the last place there; then one product. */
const TABLE_TOLERANCE = 2 ** -23;

const largest = { frequency: 0, table: 0, tableOfOurFrequencies: 0 };
let exact = 0;
let compared = 0;

afterAll(() => console.log('largest differences:', { ...largest, exactShare: exact / compared }));

describe(`transformers ${transformers}`, () => {
  it('covers every type, and tables of most', () => {
    expect(new Set(cases.map((golden) => parse(golden).scaling.type)).size).toBe(7);
    expect(cases.filter(({ tables }) => tables.length > 0).length).toBeGreaterThanOrEqual(8);
  });

  it.each(cases.map((golden) => [golden.name, golden] as const))('%s', (_, golden) => {
    const { geometry, scaling, originalLength } = parse(golden);
    expect(originalLength).toBe(golden.originalLength);
    for (const { length, set, attentionFactor } of golden.lengths) {
      const resolved = resolveRope(geometry, scaling, length);
      expect(Math.abs(resolved.attentionFactor - attentionFactor)).toBeLessThan(1e-12);
      const units = unitsApart(resolved.inverseFrequency, golden.inverseFrequencies[set]!);
      const difference = Math.max(...units);
      expect(difference).toBeLessThanOrEqual(FREQUENCY_TOLERANCE);
      largest.frequency = Math.max(largest.frequency, difference);
      exact += units.filter((distance) => distance === 0).length;
      compared += units.length;
    }
  });

  it.each(cases.filter(({ tables }) => tables.length > 0).map((golden) => [golden.name, golden] as const))(
    'tables of %s',
    (_, golden) => {
      const { geometry, scaling } = parse(golden);
      for (const { length, rows } of golden.tables) {
        const ours = resolveRope(geometry, scaling, length);
        const { set } = golden.lengths.find((known) => known.length >= length)!;
        const theirs = Float32Array.from(golden.inverseFrequencies[set]!);
        for (const spot of rows) {
          const sameFrequencies = rotaryTable({ ...ours, inverseFrequency: theirs }, 1, spot.position);
          const ourTable = rotaryTable(ours, 1, spot.position);
          for (const [pair, frequency] of theirs.entries()) {
            const difference = distance(sameFrequencies, spot, pair);
            largest.table = Math.max(largest.table, difference);
            expect(difference).toBeLessThan(TABLE_TOLERANCE * ours.attentionFactor);
            // Another frequency turns by another angle, and both angles are rounded.
            const angle = spot.position * (Math.abs(ours.inverseFrequency[pair]! - frequency) + 2 ** -23 * frequency);
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

/** How many float32 values lie between each pair of numbers; positive floats are ordered as their bits. */
function unitsApart(found: Float32Array, expected: readonly number[]): number[] {
  expect(found.length).toBe(expected.length);
  const bits = (values: Float32Array) => new Int32Array(values.buffer, values.byteOffset, values.length);
  const [ours, theirs] = [bits(found), bits(Float32Array.from(expected))];
  return [...ours].map((value, i) => Math.abs(value - theirs[i]!));
}

function distance({ cos, sin }: RotaryTable, spot: Spot, pair: number): number {
  return Math.max(
    Math.abs(cos[pair]! - Math.fround(spot.cos[pair]!)),
    Math.abs(sin[pair]! - Math.fround(spot.sin[pair]!)),
  );
}
