import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketEdges, PositionBuckets } from '../../src/evaluation/perplexity/position-buckets.js';
import { pairedRatio, ratioInterval, ratioMean } from '../../src/evaluation/statistics/ratio.js';

describe('intervals over documents', () => {
  it('are the t interval of the mean for equal weights', () => {
    // scipy.stats.t.interval(0.95, 4, loc=3, scale=sem([1, 2, 3, 4, 5])) = (1.0367568385224393, 4.9632431614775605)
    const interval = ratioInterval([1, 2, 3, 4, 5].map((sum) => ({ sum, weight: 1 })));
    expect(interval?.low).toBeCloseTo(1.0367568385224393, 9);
    expect(interval?.high).toBeCloseTo(4.9632431614775605, 9);
  });

  it('weigh documents by their tokens', () => {
    expect(
      ratioMean([
        { sum: 30, weight: 10 },
        { sum: 1, weight: 1 },
      ]),
    ).toBeCloseTo(31 / 11, 12);
  });

  it('do not exist for one document or a loss that is not finite', () => {
    expect(ratioInterval([{ sum: 3, weight: 1 }])).toBeNull();
    expect(
      ratioInterval([
        { sum: 3, weight: 1 },
        { sum: Number.NaN, weight: 1 },
      ]),
    ).toBeNull();
  });

  it('of a pair ignore what both have in common', () => {
    const base = [1, 5, 9, 13];
    const { ratio, interval } = pairedRatio(
      base.map((loss) => loss - 0.1),
      base,
    );
    expect(ratio).toBeCloseTo(Math.exp(-0.1), 12);
    expect((interval?.high ?? 1) - (interval?.low ?? 0)).toBeLessThan(1e-9);
  });
});

describe('loss by position', () => {
  it('covers every position exactly once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5000 }), fc.integer({ min: 1, max: 50 }), (length, first) => {
        const edges = bucketEdges(length);
        expect(edges[0]).toBe(0);
        expect(edges.at(-1)).toBe(length);
        for (let i = 1; i < edges.length; i++) expect(edges[i]).toBeGreaterThan(edges[i - 1] as number);
        const from = Math.min(first, length - 1);
        const buckets = new PositionBuckets(length);
        const losses = Float32Array.from({ length: length - from }, (_, i) => (from + i) / 4);
        buckets.add(losses, from);
        const result = buckets.result();
        expect(result.reduce((tokens, bucket) => tokens + bucket.tokens, 0)).toBe(losses.length);
        const total = result.reduce((sum, bucket) => sum + bucket.meanLoss * bucket.tokens, 0);
        expect(total).toBeCloseTo(
          losses.reduce((sum, loss) => sum + loss, 0),
          3,
        );
      }),
    );
  });
});

it('a paired ratio with weights is the ratio of the weighted perplexities', () => {
  // 1,000 and 1 tokens: the second document, where the first series is far behind, hardly counts.
  const [ours, theirs, weights] = [
    [0.9, 2],
    [1, 1],
    [1000, 1],
  ] as const;
  const perplexity = (losses: readonly number[]) =>
    Math.exp(losses.reduce((sum, loss, i) => sum + loss * (weights[i] as number), 0) / 1001);
  expect(pairedRatio(ours, theirs, weights).ratio).toBeCloseTo(perplexity(ours) / perplexity(theirs), 12);
  expect(pairedRatio(ours, theirs, [7, 7])).toEqual(pairedRatio(ours, theirs));
});
