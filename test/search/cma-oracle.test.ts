import { readFileSync } from 'node:fs';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { type Distribution, LearningRates } from '../../src/search/cma/learning-rates.js';
import { cmaParameters, defaultPopulationSize } from '../../src/search/cma/parameters.js';
import { CmaStrategy } from '../../src/search/cma/strategy.js';
import { RandomState } from '../../src/search/random.js';

interface Case {
  readonly dimension: number;
  readonly populationSize: number;
  readonly sigma: number;
  readonly mean: number[];
  readonly variances: number[];
  readonly weights: number[];
  readonly generations: { readonly ranked: number[][]; readonly mean: number[]; readonly sigma: number }[];
  readonly finalCovariance: number[][];
  readonly injected: { readonly vector: number[]; readonly clipped: number[] }[];
}

// Made by parity/cma_golden.py.
const oracle = JSON.parse(readFileSync(new URL('../oracle/cma.json', import.meta.url), 'utf8')) as { cases: Case[] };

const largestDifference = (a: readonly number[], b: readonly number[]) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);

describe('CMA-ES against pycma on its own samples', () => {
  test('populations are as large', () => {
    for (const { dimension, populationSize } of oracle.cases.slice(0, 3))
      expect(defaultPopulationSize(dimension)).toBe(populationSize);
  });

  test.each(oracle.cases)('dimension $dimension, $populationSize samples', (example) => {
    const parameters = cmaParameters(example.dimension, example.populationSize);
    expect(largestDifference([...parameters.weights], example.weights)).toBeLessThan(1e-12);
    const start = Float64Array.from(example.mean);
    const strategy = new CmaStrategy(parameters, start, example.sigma, Matrix.diag(example.variances));
    for (const { ranked, mean, sigma } of example.generations) {
      strategy.update(ranked.map((vector) => Float64Array.from(vector)));
      expect(largestDifference([...strategy.mean], mean)).toBeLessThan(1e-9);
      expect(Math.abs(strategy.sigma / sigma - 1)).toBeLessThan(1e-9);
    }
    expect(largestDifference(strategy.covarianceRows.flat(), example.finalCovariance.flat())).toBeLessThan(1e-9);
    const [near, far] = example.injected.map(({ vector, clipped }) => {
      const injected = [...strategy.inject(Float64Array.from(vector))];
      expect(largestDifference(injected, clipped)).toBeLessThan(1e-9 * Math.max(...clipped.map(Math.abs)));
      return injected.join() === vector.join();
    });
    expect([near, far]).toEqual([true, false]);
  });
});

describe('CMA-ES on its own needs as many evaluations as pycma', () => {
  type Loss = (x: Float64Array) => number;
  const evaluationsTo = (target: number, loss: Loss, seed: number): number => {
    const random = new RandomState(seed);
    const strategy = new CmaStrategy(cmaParameters(10), new Float64Array(10).fill(1), 0.5, Matrix.eye(10));
    const { populationSize } = strategy.parameters;
    for (let spent = populationSize; spent < 20_000; spent += populationSize) {
      const vectors = Array.from({ length: populationSize }, () => strategy.sample(random));
      vectors.sort((a, b) => loss(a) - loss(b));
      strategy.update(vectors);
      if (loss(vectors[0] as Float64Array) <= target) return spent;
    }
    return Number.POSITIVE_INFINITY;
  };
  const sphere: Loss = (x) => x.reduce((sum, v) => sum + v * v, 0);
  const ellipsoid: Loss = (x) => x.reduce((sum, v, i) => sum + 1e6 ** (i / 9) * v * v, 0);
  const rosenbrock: Loss = (x) =>
    x.reduce((sum, v, i) => {
      const before = (x[i - 1] as number) - 0.5;
      return i === 0 ? 0 : sum + 100 * (v - 0.5 - before ** 2) ** 2 + (before - 1) ** 2;
    }, 0);

  // Medians of pycma 4.5.0 over seeds 1 to 7, ten dimensions, from (1, ...) with sigma 0.5 to 1e-9.
  test.each([
    { name: 'sphere', loss: sphere, pycma: 1490 },
    { name: 'ellipsoid of condition 1e6', loss: ellipsoid, pycma: 4110 },
    { name: 'Rosenbrock, moved by 0.5', loss: rosenbrock, pycma: 4730 },
  ])('$name', ({ loss, pycma }) => {
    const counts = [1, 2, 3, 4, 5].map((seed) => evaluationsTo(1e-9, loss, seed)).sort((a, b) => a - b);
    expect((counts[2] as number) / pycma).toBeGreaterThan(0.85);
    expect((counts[2] as number) / pycma).toBeLessThan(1.15);
  });
});

interface Stage {
  readonly mean: number[];
  readonly sigma: number;
  readonly covariance: number[][];
}

describe('learning rates against the package of their authors', () => {
  // Made by parity/cma_learning_rates_golden.py.
  const { cases } = JSON.parse(readFileSync(new URL('../oracle/cma-learning-rates.json', import.meta.url), 'utf8')) as {
    cases: {
      readonly dimension: number;
      readonly mean: number[];
      readonly sigma: number;
      readonly generations: { readonly told: Stage; readonly becomes: Stage & { readonly rates: [number, number] } }[];
    }[];
  };

  test.each(cases)('dimension $dimension', ({ dimension, mean, sigma, generations }) => {
    const rates = new LearningRates(dimension);
    const asDistribution = (stage: Stage): Distribution => ({
      mean: Float64Array.from(stage.mean),
      sigma: stage.sigma,
      covariance: new Matrix(stage.covariance),
    });
    let before = asDistribution({ mean, sigma, covariance: Matrix.eye(dimension).to2DArray() });
    for (const { told, becomes } of generations) {
      const { eigenvectorMatrix: axes, realEigenvalues } = new EigenvalueDecomposition(before.covariance);
      const inverseRoot = axes.mmul(Matrix.diag(realEigenvalues.map((x) => x ** -0.5))).mmul(axes.transpose());
      before = rates.temper(before, asDistribution(told), inverseRoot);
      expect(largestDifference([...before.mean], becomes.mean)).toBeLessThan(1e-9);
      expect(Math.abs(before.sigma / becomes.sigma - 1)).toBeLessThan(1e-9);
      expect(largestDifference(before.covariance.to1DArray(), becomes.covariance.flat())).toBeLessThan(1e-9);
    }
    const found = rates.state() as { mean: { rate: number }; covariance: { rate: number } };
    expect(largestDifference([found.mean.rate, found.covariance.rate], generations.at(-1)!.becomes.rates)).toBeLessThan(
      1e-9,
    );
  });

  test('on a noisy sphere they come nearer than CMA-ES without', () => {
    const distance = (seed: number, isAdaptive: boolean) => {
      const random = new RandomState(seed);
      const rates = isAdaptive ? new LearningRates(10) : null;
      const start = new Float64Array(10).fill(3);
      const strategy = new CmaStrategy(cmaParameters(10), start, 2, Matrix.eye(10), rates);
      for (let generation = 0; generation < 1000; generation++) {
        const vectors = Array.from({ length: strategy.parameters.populationSize }, () => strategy.sample(random));
        const losses = new Map(vectors.map((x) => [x, x.reduce((sum, v) => sum + v * v, 0) + random.normal()]));
        strategy.update(vectors.sort((a, b) => (losses.get(a) as number) - (losses.get(b) as number)));
      }
      return strategy.mean.reduce((sum, v) => sum + v * v, 0);
    };
    const medianOf = (isAdaptive: boolean) =>
      [1, 2, 3, 4, 5].map((seed) => distance(seed, isAdaptive)).sort((a, b) => a - b)[2] as number;
    expect(medianOf(true)).toBeLessThan(medianOf(false) / 3);
  });
});
