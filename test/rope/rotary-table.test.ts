import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closedFormFactors, rescaledRope, resolveRope, rotaryTable } from '../../src/rope/index.js';

const GEOMETRY = { theta: 10_000, headDim: 64, rotaryDim: 64 };
const WIDTH = 32;

const yarn8 = (attentionFactor: number, startTokens: number) =>
  rescaledRope(GEOMETRY, {
    factors: closedFormFactors('yarn', GEOMETRY, { ratio: 8, originalLength: 256 }),
    attentionFactor,
    startTokens,
  });

const row = (values: Float32Array, position: number) => values.subarray(position * WIDTH, (position + 1) * WIDTH);

describe('rotary table', () => {
  it('keeps base frequencies below the start tokens and only there', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 80 }),
        fc.double({ min: 0.5, max: 2, noNaN: true }),
        (startTokens, attention) => {
          const mixed = rotaryTable(yarn8(attention, startTokens), 64);
          const scaled = rotaryTable(yarn8(attention, 0), 64);
          const base = rotaryTable(
            { ...resolveRope(GEOMETRY, { type: 'default' }, 64), attentionFactor: attention },
            64,
          );
          for (let position = 0; position < 64; position++) {
            const expected = position < startTokens ? base : scaled;
            expect(row(mixed.cos, position)).toEqual(row(expected.cos, position));
            expect(row(mixed.sin, position)).toEqual(row(expected.sin, position));
          }
        },
      ),
      { numRuns: 30 },
    );
    expect(row(rotaryTable(yarn8(1, 0), 64).sin, 40)).not.toEqual(row(rotaryTable(yarn8(1, 41), 64).sin, 40));
  });

  it('with an offset is the tail of the longer table, start tokens included', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 }), (offset, startTokens) => {
        const whole = rotaryTable(yarn8(1.1, startTokens), 60);
        const tail = rotaryTable(yarn8(1.1, startTokens), 60 - offset, offset);
        expect(tail).toEqual({
          length: 60 - offset,
          width: WIDTH,
          cos: whole.cos.slice(offset * WIDTH),
          sin: whole.sin.slice(offset * WIDTH),
        });
      }),
    );
  });

  it('rounds frequency, angle, function and product to float32, each once', () => {
    const rope = yarn8(1.1, 0);
    const { cos } = rotaryTable(rope, 1, 100_003);
    const attention = Math.fround(1.1);
    for (let pair = 0; pair < WIDTH; pair++) {
      const angle = Math.fround(100_003 * rope.inverseFrequency[pair]!);
      expect(cos[pair]).toBe(Math.fround(Math.fround(Math.cos(angle)) * attention));
    }
  });

  it('is the attention factor at position 0', () => {
    const { cos, sin } = rotaryTable(yarn8(1.25, 0), 1);
    expect(new Set(cos)).toEqual(new Set([1.25]));
    expect(new Set(sin)).toEqual(new Set([0]));
  });

  it('refuses parts that do not fit together', () => {
    const rope = yarn8(1, 0);
    expect(() => rotaryTable({ ...rope, baseInverseFrequency: new Float32Array(16) }, 4)).toThrow(
      '16 base frequencies',
    );
    const factors = new Float64Array(31).fill(1);
    expect(() => rescaledRope(GEOMETRY, { factors, attentionFactor: 1, startTokens: 0 })).toThrow('31 factors');
  });
});
