import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Model } from '../../src/model/index.js';
import { halvesOf } from '../../src/runtime/gradient/halves.js';
import {
  GradientEngine,
  type GradientSequence,
  type LossGradient,
  mayHalve,
  readWeights,
  TrainingGradients,
  type Weights,
} from '../../src/runtime/index.js';
import { interpolated, randomIds } from '../helpers/engine-models.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';

let folder: string;
let model: Model;
let weights: Map<string, Float32Array>;
let whole: GradientEngine;
let halving: TrainingGradients;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'longrope-test-'));
  await writeTinyCheckpoint(folder);
  model = await loadModel(folder);
  weights = new Map(await readWeights(model));
  const config = { spec: model.spec, threads: 2, wanted: { weights: 'all', tables: false } } as const;
  whole = await GradientEngine.create(config);
  halving = await TrainingGradients.create({ ...config, inHalves: true });
});

afterAll(async () => {
  await whole.close();
  await halving.close();
  await rm(folder, { recursive: true });
});

function batch(...lengths: readonly number[]): GradientSequence[] {
  return lengths.map((length, i) => ({
    ids: randomIds(model, length + 1, i + 1),
    rope: interpolated(model, 1 + i / 2),
    scoreFrom: 1 + 7 * i,
    tokenWeight: 1 + (i % 3),
  }));
}

/** Norm of the difference relative to the norm, the largest over all weights. */
function difference(a: Weights, b: Weights): number {
  const norm = (values: Iterable<number>) => Math.hypot(...values);
  return Math.max(
    ...[...a].map(([name, tensor]) => {
      const other = b.get(name) as Float32Array;
      return norm(tensor.map((x, i) => x - (other[i] as number))) / norm(tensor);
    }),
  );
}

function bitsOf({ loss, sequences, weights: gradients }: LossGradient) {
  return { loss, losses: sequences.map((sequence) => sequence.loss), gradients: [...gradients] };
}

describe('a batch in halves', () => {
  const LENGTHS = [300, 90, 310, 100, 250, 160];

  it('gives the loss and gradient of the whole one, sequence by sequence, and the same bits every time', async () => {
    const sequences = batch(...LENGTHS);
    expect(halvesOf(model.spec, sequences)).toEqual([
      [1, 2, 3, 5],
      [0, 4],
    ]);
    const expected = await whole.lossAndGradient(sequences, weights);
    const found = await halving.lossAndGradient(sequences, weights);
    expect(Math.abs(found.loss - expected.loss)).toBeLessThan(1e-6);
    expect(found.sequences.map(({ loss }) => loss)).toEqual(
      expected.sequences.map(({ loss }) => expect.closeTo(loss, 6)),
    );
    expect([...found.weights.keys()].sort()).toEqual([...expected.weights.keys()].sort());
    expect(difference(expected.weights, found.weights)).toBeLessThan(3e-6);
    expect(bitsOf(await halving.lossAndGradient(sequences, weights))).toEqual(bitsOf(found));
  });

  it('is computed with the weights as they are at that moment', async () => {
    const sequences = batch(...LENGTHS);
    const before = await halving.lossAndGradient(sequences, weights);
    const changed = new Map([...weights].map(([name, tensor]) => [name, tensor.map((x) => 1.1 * x)] as const));
    const expected = await whole.lossAndGradient(sequences, changed);
    const found = await halving.lossAndGradient(sequences, changed);
    expect(difference(expected.weights, found.weights)).toBeLessThan(3e-6);
    expect(difference(before.weights, found.weights)).toBeGreaterThan(1e-2);
    expect(bitsOf(await halving.lossAndGradient(sequences, weights))).toEqual(bitsOf(before));
  });

  it('has the same bits behind a batch that is computed as a whole', async () => {
    const [parts, one] = [batch(...LENGTHS), batch(1200)];
    const before = await halving.lossAndGradient(parts, weights);
    expect(bitsOf(await halving.lossAndGradient(one, weights))).toEqual(
      bitsOf(await whole.lossAndGradient(one, weights)),
    );
    expect(bitsOf(await halving.lossAndGradient(parts, weights))).toEqual(bitsOf(before));
  });

  it('fails with what was wrong in either half, and goes on', async () => {
    const sequences = batch(...LENGTHS);
    for (const i of [0, 1]) {
      const wrong = sequences.with(i, { ...(sequences[i] as GradientSequence), scoreFrom: 5000 });
      await expect(halving.lossAndGradient(wrong, weights)).rejects.toThrow('scoreFrom 5000');
    }
    expect((await halving.lossAndGradient(sequences, weights)).loss).toBeGreaterThan(0);
  });
});

describe('which batches have halves', () => {
  const halves = (...lengths: readonly number[]) => halvesOf(model.spec, batch(...lengths));

  it('those that part into two of about the same cost, of enough tokens', () => {
    expect(halves(256, 256)).toEqual([[0], [1]]);
    expect(halves(256, 255)).toBeNull();
    expect(halves(4096)).toBeNull();
    expect(halves(2000, 300, 300)).toBeNull();
    expect(halves(1200, 800, 800)).toEqual([[0], [1, 2]]);
  });

  it('a long sequence costs more than short ones of as many tokens', () => {
    // As many tokens on both sides, but half of the attention.
    expect(halves(65_536, ...Array<number>(256).fill(256))).toBeNull();
  });

  it('of several rows and small models, on an even number of threads', () => {
    const size = { rows: 16, tokens: 4096, threads: 2 };
    expect([1, 2, 3, 8].map((threads) => mayHalve(model.spec, { ...size, threads }))).toEqual([
      false,
      true,
      false,
      true,
    ]);
    expect(mayHalve(model.spec, { ...size, tokens: 511 })).toBe(false);
    expect(mayHalve(model.spec, { ...size, rows: 1 })).toBe(false);
    expect(mayHalve({ ...model.spec, vocabularySize: 1_000_000 }, size)).toBe(false);
  });
});
