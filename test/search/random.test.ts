import { describe, expect, test } from 'vitest';
import { arange } from '../../src/search/genetic/float-grid.js';
import { RandomState } from '../../src/search/random.js';

describe('RandomState', () => {
  // numpy 2.4: np.random.seed(42), then these calls of np.random in this order.
  test('is numpy.random', () => {
    const random = new RandomState(42);
    expect([1, 2, 3].map(() => random.uniform())).toEqual([0.3745401188473625, 0.9507143064099162, 0.7319939418114051]);
    expect([1, 2, 3, 1000, 100_000, 7].map((count) => random.integer(count))).toEqual([0, 0, 0, 614, 6265, 2]);
    // numpy takes the logarithm from the C library: the last bit may differ.
    for (const expected of [2.810757996204056, 1.1423437999321346, 1.2295393086168114]) {
      expect(random.normal(3, 2)).toBeCloseTo(expected, 14);
    }
    expect([1, 2, 3].map(() => random.distinctPair(32))).toEqual([
      [18, 24],
      [29, 22],
      [30, 5],
    ]);
    expect(random.uniform()).toBe(0.19884240408880516);
  });

  test('equal states draw equal values', () => {
    const [a, b] = [new RandomState(3), new RandomState(3)];
    for (const random of [a, b]) for (let i = 0; i < 7; i++) random.normal();
    expect(a.state()).toEqual(b.state());
    expect(a.normal()).toBe(b.normal());
    b.uniform();
    expect(a.state()).not.toEqual(b.state());
  });

  test.each([0, -1, 1.5, 2 ** 32, Number.NaN])('refuses seed %d', (seed) => {
    expect(() => new RandomState(seed)).toThrow(RangeError);
  });
});

// numpy 2.4.
test('arange is numpy.arange', () => {
  const grid = arange(1, 1 + 8 + 0.01, 0.01);
  expect([grid.length, grid.at(grid.length - 1)]).toEqual([801, 9.000000000000007]);
  expect(arange(2.37, 2.37 + 0.001, 0.01).length).toBe(1);
  expect(arange(2.37, 2.2, 0.01).length).toBe(0);
});
