import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spreadLabels } from '../../src/web/label-layout.js';

describe('spreadLabels', () => {
  it('leaves labels that do not overlap where they belong', () => {
    expect(spreadLabels([100, 20, 60], 15, 0, 200)).toEqual([100, 20, 60]);
  });

  it('fans out labels of lines that end together', () => {
    expect(spreadLabels([30, 30, 30], 15, 30, 200)).toEqual([30, 45, 60]);
    expect(spreadLabels([200, 200], 15, 0, 200)).toEqual([185, 200]);
  });

  it('keeps order, gap and bounds wherever the labels fit', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { maxLength: 12 }), (wanted) => {
        const placed = spreadLabels(wanted, 15, 0, 300);
        const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!);
        order.forEach((index, rank) => {
          expect(placed[index]).toBeGreaterThanOrEqual(-1e-9);
          expect(placed[index]).toBeLessThanOrEqual(300);
          if (rank > 0) expect(placed[index]! - placed[order[rank - 1]!]!).toBeGreaterThanOrEqual(15 - 1e-9);
        });
      }),
    );
  });
});
