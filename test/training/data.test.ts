import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Draws, type TokenDocument } from '../../src/corpus/index.js';
import { resolveRope } from '../../src/rope/index.js';
import {
  Batches,
  lengthBuckets,
  packRows,
  type Row,
  RowOrder,
  skippedPositions,
  standIns,
  withShortWindows,
} from '../../src/training/index.js';

const documentsOf = (lengths: readonly number[]): TokenDocument[] =>
  lengths.map((length, i) => ({ id: `d${i}`, ids: Int32Array.from({ length }, (_, token) => 100 * i + token) }));

describe('packing', () => {
  it('puts whole documents into rows, each between BOS and EOS, and cuts only what is longer than a row', () => {
    const rows = packRows(documentsOf([3, 17, 2, 4]), { rowTokens: 8, bos: 1, eos: 9 });
    const shown = rows.map((row) => row.map(({ document, ids }) => [document, [...ids]]));
    expect(shown).toEqual([
      [['d1', [1, 100, 101, 102, 103, 104, 105, 106]]],
      [['d1', [107, 108, 109, 110, 111, 112, 113, 114]]],
      [
        ['d0', [1, 0, 1, 2, 9]],
        ['d1', [115, 116, 9]],
      ],
      [['d2', [1, 200, 201, 9]]],
      [['d3', [1, 300, 301, 302, 303, 9]]],
    ]);
  });

  it('puts no second EOS behind a document that ends in one', () => {
    const ended = { id: 'ended', ids: Int32Array.of(7, 8, 2) };
    const open = { id: 'open', ids: Int32Array.of(7, 2, 8) };
    const rows = packRows([ended, open], { rowTokens: 5, bos: 1, eos: 2 });
    expect(rows.map((row) => [...row[0]!.ids])).toEqual([
      [1, 7, 2, 8, 2],
      [1, 7, 8, 2],
    ]);
  });

  // No document ends in it.
  const END = 99_999;

  it('keeps every token once, in order, and no row longer than asked for', () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 2, max: 30 }), fc.boolean(), (sizes, rowTokens, marked) => {
        const marks = { bos: marked ? 7 : null, eos: marked ? END : null };
        const rows = packRows(documentsOf(sizes), { rowTokens, ...marks });
        const perDocument = new Map<string, number[]>();
        for (const row of rows) {
          expect(row.reduce((sum, { ids }) => sum + ids.length, 0)).toBeLessThanOrEqual(rowTokens);
          for (const { document, ids } of row) {
            expect(ids.length).toBeGreaterThanOrEqual(2);
            perDocument.set(document, [...(perDocument.get(document) ?? []), ...ids]);
          }
        }
        for (const { id, ids } of documentsOf(sizes)) {
          const whole = marked ? [7, ...ids, END] : [...ids];
          const found = perDocument.get(id) ?? [];
          // A last token by itself has nothing to be predicted from.
          expect(whole.length - found.length).toBeLessThanOrEqual(1);
          const sorted = [...found].sort((a, b) => a - b);
          const kept = whole.length % rowTokens === 1 ? whole.slice(0, -1) : whole;
          expect(sorted).toEqual([...kept].sort((a, b) => a - b));
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('the order of rows', () => {
  const rowsOf = (count: number, name: string): Row[] =>
    Array.from({ length: count }, (_, i) => [{ document: `${name}${i}`, ids: Int32Array.of(1, 2) }]);
  const nameAt = (order: RowOrder, place: number) => order.at(place).row[0]!.document;

  it('follows from seed and place alone', () => {
    const buckets = [
      { share: 1, rows: rowsOf(5, 'a') },
      { share: 3, rows: rowsOf(7, 'b') },
    ];
    const forward = new RowOrder(buckets, 9);
    const names = Array.from({ length: 60 }, (_, place) => nameAt(forward, place));
    for (const place of [59, 3, 17]) expect(nameAt(new RowOrder(buckets, 9), place)).toBe(names[place]);
    const other = new RowOrder(buckets, 10);
    expect(Array.from({ length: 60 }, (_, place) => nameAt(other, place))).not.toEqual(names);
  });

  it('shows every row of a bucket before any again, and keeps the shares at every place', () => {
    const order = new RowOrder(
      [
        { share: 0.3, rows: rowsOf(4, 'a') },
        { share: 0.7, rows: rowsOf(3, 'b') },
      ],
      1,
    );
    const names = Array.from({ length: 200 }, (_, place) => nameAt(order, place));
    names.forEach((_, i) => {
      const share = names.slice(0, i + 1).filter((name) => name.startsWith('a')).length;
      expect(Math.abs(share - 0.3 * (i + 1))).toBeLessThan(1);
    });
    const own = names.filter((name) => name.startsWith('a'));
    for (let round = 0; round + 4 <= own.length; round += 4)
      expect(new Set(own.slice(round, round + 4)).size, `${round}`).toBe(4);
  });
});

describe('length buckets', () => {
  const options = { rowTokens: 8, bos: null, eos: null };
  it('part documents by their lengths and leave out what is shorter than all', () => {
    const mix = [
      { from: 10, share: 2 },
      { from: 4, share: 1 },
    ];
    const buckets = lengthBuckets(documentsOf([3, 4, 9, 10, 30]), mix, options);
    const names = buckets.map(({ rows }) => [...new Set(rows.flat().map(({ document }) => document))].sort());
    expect(names).toEqual([
      ['d1', 'd2'],
      ['d3', 'd4'],
    ]);
    expect(buckets.map(({ share }) => share)).toEqual([1, 2]);
  });

  it('without documents are refused, all at once', () => {
    const mix = [
      { from: 2, share: 1 },
      { from: 20, share: 1 },
      { from: 40, share: 1 },
    ];
    expect(() => lengthBuckets(documentsOf([5]), mix, options)).toThrow(
      /20:1: expected documents of 20 to 39 tokens, found none.*\n.*40:1: expected documents of at least 40 tokens/,
    );
    // Without a mix none is named.
    expect(() => lengthBuckets(documentsOf([1]), [{ from: 0, share: 1 }], options)).toThrow(
      /^texts to train on: expected a document with two tokens, /,
    );
  });
});

describe('short windows', () => {
  it('are pieces of all texts with BOS and without EOS, in their share of the rows', () => {
    const documents = documentsOf([20, 3]);
    const packing = { rowTokens: 16, bos: 1, eos: 2 };
    const whole = lengthBuckets(
      documents,
      [
        { from: 4, share: 3 },
        { from: 0, share: 1 },
      ],
      packing,
    );
    const buckets = withShortWindows(whole, documents, { ...packing, share: 0.2, windowTokens: 8 });
    expect(buckets.map(({ share }) => share)).toEqual([expect.closeTo(0.2), expect.closeTo(0.6), 0.2]);
    expect(buckets[2]!.rows.flat().map(({ ids }) => [...ids])).toEqual([
      [1, 0, 1, 2, 3, 4, 5, 6],
      [1, 7, 8, 9, 10, 11, 12, 13],
      [1, 14, 15, 16, 17, 18, 19],
      [1, 100, 101, 102],
    ]);
  });

  it('of single tokens, which predict nothing, are refused', () => {
    const packing = { rowTokens: 16, bos: null, eos: 2 };
    const documents = documentsOf([1, 1]);
    const whole = lengthBuckets(documents, [{ from: 0, share: 1 }], packing);
    expect(() => withShortWindows(whole, documents, { ...packing, share: 0.2, windowTokens: 8 })).toThrow(
      /^--short-windows: expected a document with two tokens, .*found none; give more text/,
    );
  });
});

describe('positions that skip', () => {
  it('rise by one but for one gap, and stay in the window', () => {
    const draws = new Draws([3]);
    const last = new Set<number>();
    for (let trial = 0; trial < 200; trial++) {
      const positions = skippedPositions(6, 20, draws);
      expect(positions[0]).toBe(0);
      const steps = [...positions].slice(1).map((position, i) => position - positions[i]!);
      expect(steps.filter((step) => step !== 1).length).toBeLessThanOrEqual(1);
      expect(positions.at(-1)).toBeLessThan(20);
      last.add(positions.at(-1)!);
    }
    expect([...last].sort((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => 5 + i));
  });

  it('reach every doubling of the positions equally often', () => {
    const draws = new Draws([4]);
    const doublings = [0, 0, 0, 0];
    for (let trial = 0; trial < 2000; trial++)
      doublings[Math.floor(Math.log2((skippedPositions(64, 1023, draws).at(-1)! + 1) / 64))]!++;
    for (const count of doublings) expect(Math.abs(count - 500)).toBeLessThan(80);
  });

  it('have a stretch before the skip, never BOS, that stands for what is skipped', () => {
    const draws = new Draws([5]);
    const seen = { skipped: 0, before: 0, whole: 0 };
    for (let trial = 0; trial < 500; trial++) {
      const positions = skippedPositions(200, 4000, draws);
      const counts = standIns(positions, draws);
      const skipped = positions.at(-1)! - 199;
      const cut = positions.findIndex((position, i) => position !== i);
      if (skipped === 0 || cut < 2) {
        expect(counts).toBeUndefined();
        continue;
      }
      seen.skipped++;
      expect(counts!.reduce((sum, count) => sum + count, 0)).toBeCloseTo(200 + skipped, 1);
      const standing = [...counts!.keys()].filter((i) => counts![i] !== 1);
      const [first] = standing as [number];
      expect(standing).toEqual(Array.from({ length: cut - first }, (_, i) => first + i));
      expect(first).toBeGreaterThan(0);
      expect(standing.length).toBeGreaterThanOrEqual(Math.min(64, cut - 1));
      seen[first === 1 ? 'whole' : 'before']++;
    }
    expect(seen.skipped).toBeGreaterThan(400);
    expect(seen.before).toBeGreaterThan(100);
  });
});

describe('batches', () => {
  const geometry = { theta: 10_000, headDim: 8, rotaryDim: 8 };
  const rope = (positions: number) =>
    resolveRope(geometry, { type: 'linear', factor: positions > 8 ? 4 : 1 }, positions);
  const rows = packRows(documentsOf([3, 4, 16, 5, 30]), { rowTokens: 16, bos: null, eos: null });
  const options = { seed: 5, rowsPerBatch: 2, batchesPerStep: 3, rope, skipping: null };

  it('give short sequences the original RoPE and long ones the rescaled one', () => {
    const batches = new Batches([{ share: 1, rows }], options);
    const seen = { short: 0, long: 0 };
    for (const { ids, rope: chosen, scoreFrom, positions } of [0, 1].flatMap((step) => batches.step(step).flat())) {
      const isLong = ids.length > 8;
      seen[isLong ? 'long' : 'short']++;
      expect(chosen.inverseFrequency[0]).toBe(isLong ? 0.25 : 1);
      expect(scoreFrom).toBe(1);
      expect(positions).toBeUndefined();
    }
    expect(seen.short).toBeGreaterThan(0);
    expect(seen.long).toBeGreaterThan(0);
  });

  it('are the same whenever a step is asked for, skipped positions too', () => {
    const skipping = { ...options, skipping: { window: 64, countSkipped: true } };
    const once = new Batches([{ share: 1, rows }], skipping);
    const all = [0, 1, 2, 3].map((step) => once.step(step));
    expect(new Batches([{ share: 1, rows }], skipping).step(3)).toEqual(all[3]);
    expect(all[0]).toHaveLength(3);
    for (const { positions, rope: chosen } of all.flat(2))
      expect(chosen.inverseFrequency[0]).toBe(positions!.at(-1)! + 1 > 8 ? 0.25 : 1);
  });

  it('count skipped positions where asked to, at the same positions', () => {
    const sequencesOf = (countSkipped: boolean) =>
      new Batches([{ share: 1, rows }], { ...options, rowsPerBatch: 1, skipping: { window: 64, countSkipped } })
        .step(0)
        .flat();
    const counted = sequencesOf(true);
    expect(counted.map(({ positions }) => positions)).toEqual(sequencesOf(false).map(({ positions }) => positions));
    expect(counted.some(({ multiplicities }) => multiplicities)).toBe(true);
    for (const { ids, multiplicities } of counted) if (multiplicities) expect(multiplicities).toHaveLength(ids.length);
    for (const sequence of sequencesOf(false)) expect(sequence).not.toHaveProperty('multiplicities');
  });

  it('leave short windows where they are when others skip positions', () => {
    const documents = documentsOf([40, 50]);
    const packing = { rowTokens: 16, bos: null, eos: null };
    const long = [{ share: 1, rows: packRows(documents, packing) }];
    const buckets = withShortWindows(long, documents, { ...packing, share: 0.5, windowTokens: 8 });
    const sequences = [0, 1, 2].flatMap((step) =>
      new Batches(buckets, { ...options, skipping: { window: 64, countSkipped: false } }).step(step).flat(),
    );
    const inPlace = sequences.filter(({ positions }) => positions === undefined);
    expect(inPlace.length).toBeGreaterThan(0);
    expect(inPlace.length).toBeLessThan(sequences.length);
    for (const { ids, rope: chosen } of inPlace) {
      expect(ids.length).toBeLessThanOrEqual(8);
      expect(chosen.inverseFrequency[0]).toBe(1);
    }
  });
});
