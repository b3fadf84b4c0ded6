import { describe, expect, it } from 'vitest';
import {
  agreement,
  llamaCppTolerance,
  observe,
  planLlamaCpp,
  planTransformers,
  probeOf,
  transformersScript,
} from '../../src/verify/index.js';

const rope = (first: number) => ({
  inverseFrequency: Float32Array.of(first, 0.1),
  attentionFactor: 1,
  startTokens: 0,
  baseInverseFrequency: Float32Array.of(1, 0.1),
});
const rule = (length: number) =>
  length > 256 ? { table: 'long', rope: rope(0.5) } : { table: 'short', rope: rope(1) };

describe('a probe', () => {
  const probe = probeOf(
    Int32Array.from({ length: 8 }, (_, i) => i % 3),
    5,
    3,
  );

  it('observes logits of chosen entries and losses against the whole vocabulary', () => {
    const rows = Float32Array.from({ length: 5 * 3 }, (_, i) => Math.sin(i));
    const { logits, losses } = observe(probe, rows);
    expect(probe).toMatchObject({ length: 5, rows: 5, vocabulary: [0, 1, 2] });
    expect([...logits]).toEqual([...rows]);
    // Row 2 predicts ids[3] = 0.
    const [a, b, c] = [6, 7, 8].map((i) => Math.exp(Math.sin(i)));
    expect(losses[2]).toBeCloseTo(-Math.log(a! / (a! + b! + c!)), 6);
  });

  it('never takes a NaN for agreement', () => {
    const good = { logits: Float32Array.of(1, 2), losses: Float32Array.of(0.5) };
    expect(agreement(good, good)).toMatchObject({ same: true, largestLogitDifference: 0 });
    expect(agreement(good, { ...good, logits: Float32Array.of(1, Number.NaN) }).same).toBe(false);
    expect(agreement(good, { ...good, losses: Float32Array.of(Number.NaN) }).same).toBe(false);
    expect(agreement(good, { ...good, losses: Float32Array.of(0.502) }).same).toBe(false);
  });
});

it('allows more where llama.cpp rounds what it multiplies with, not as much as a wrong table', () => {
  const expected = { logits: Float32Array.of(1, 2), losses: Float32Array.of(0.5) };
  // As measured: Q8_0 against float32, and the short table for the long one.
  const [rounded, wrong] = [0.12, 1.5].map((error) => ({ ...expected, logits: Float32Array.of(1, 2 + error) }));
  const sameWith = (dtypes: readonly string[], observed: typeof expected) =>
    agreement(expected, observed, llamaCppTolerance(dtypes)).same;
  for (const dtype of ['Q8_0', 'Q4_0', 'Q4_1', 'Q6_K', 'BF16'])
    expect([dtype, sameWith(['F32', dtype], rounded!), sameWith(['F32', dtype], wrong!)]).toEqual([dtype, true, false]);
  for (const dtype of ['F32', 'F16']) expect(sameWith(['F32', dtype], rounded!)).toBe(false);
});

describe('plans', () => {
  it('llama.cpp: every length in its own and in the largest context, the longest in two batches', () => {
    const passes = planLlamaCpp([255, 1024], 128, rule);
    expect(passes.map(({ length, context, chunk, expected }) => [length, context, chunk, expected.table])).toEqual([
      [255, 256, 512, 'short'],
      [255, 1280, 512, 'long'],
      [1024, 1280, 512, 'long'],
      [1024, 1280, 128, 'long'],
    ]);
  });

  it('transformers: a prefill in steps informs where the cache gets keys of both tables', () => {
    const passes = planTransformers([255, 257, 1024], 256, 128, rule);
    expect(passes.map(({ length, chunk, informative }) => [length, chunk, informative])).toEqual([
      [255, null, false],
      [257, null, false],
      [1024, null, false],
      [257, 128, true],
      [1024, 128, true],
    ]);
    expect(planTransformers([1024], 256, 512, rule).at(-1)?.informative).toBe(false);
    // Dynamic RoPE: one name, another table for every length.
    const dynamic = (length: number) => ({ table: 'single', rope: rope(256 / Math.max(256, length)) });
    const steps = planTransformers([255, 1024], 256, 128, dynamic).filter(({ chunk }) => chunk !== null);
    expect(steps.map(({ length, informative }) => [length, informative])).toEqual([[1024, true]]);
    expect(planTransformers([1024], 256, 128, () => rule(1)).at(-1)?.informative).toBe(false);
  });
});

describe('the script', () => {
  it('keeps a hostile folder name inside its string', () => {
    const probe = probeOf(Int32Array.of(1, 2, 0), 2, 3);
    const expected = observe(probe, new Float32Array(6));
    const script = transformersScript('a"""\\n;import os', [{ probe, chunk: null, expected }]);
    // Two docstrings and the data, each opened and closed.
    expect(script.split('"""')).toHaveLength(7);
  });
});
