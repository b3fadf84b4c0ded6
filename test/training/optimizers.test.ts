import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Orthogonalizer } from '../../src/runtime/index.js';
import {
  adamwUpdate,
  clip,
  globalNorm,
  isDecayed,
  isHiddenMatrix,
  learningRateAt,
  muonUpdate,
  Optimizer,
  type Schedule,
} from '../../src/training/index.js';
import golden from '../oracle/training.json' with { type: 'json' };

/** The golden numbers are float32 with their roundings; parity/training_golden.py makes them. */
function expectClose(ours: Float32Array, theirs: readonly number[], tolerance: number): void {
  expect(ours.length).toBe(theirs.length);
  theirs.forEach((value, i) => {
    expect(Math.abs((ours[i] as number) - value), `${i}`).toBeLessThan(tolerance);
  });
}

describe('AdamW', () => {
  it('takes the steps of torch.optim.AdamW', () => {
    const { gradients, weights } = golden.adamw;
    const weight = Float32Array.from(weights[0]!);
    const state = { mean: new Float32Array(6), square: new Float32Array(6) };
    gradients.forEach((gradient, step) => {
      const settings = { beta1: 0.8, beta2: 0.95, epsilon: 1e-3 };
      adamwUpdate(weight, Float32Array.from(gradient), state, settings, {
        step,
        learningRate: 0.03,
        weightDecay: 0.2,
      });
      expectClose(weight, weights[step + 1]!, 5e-7);
    });
  });

  it('moves by the rate in its first step, whatever the size of the gradient', () => {
    const weight = Float32Array.of(1, 1);
    const state = { mean: new Float32Array(2), square: new Float32Array(2) };
    const settings = { beta1: 0.9, beta2: 0.999, epsilon: 0 };
    adamwUpdate(weight, Float32Array.of(1e-6, -50), state, settings, { step: 0, learningRate: 0.25, weightDecay: 0 });
    expectClose(weight, [0.75, 1.25], 1e-6);
  });
});

describe('Muon', () => {
  let orthogonalizer: Orthogonalizer;
  beforeAll(async () => {
    orthogonalizer = await Orthogonalizer.create(1);
  });
  afterAll(() => orthogonalizer.close());
  const orthogonalize = (matrix: Float32Array, shape: readonly [number, number]) => orthogonalizer.run(matrix, shape);

  it.each(golden.muon)(
    'takes the steps of torch.optim.Muon on a matrix of $shape',
    async ({ shape, gradients, weights }) => {
      const weight = Float32Array.from(weights[0]!);
      const buffer = new Float32Array(weight.length);
      for (const [step, gradient] of gradients.entries()) {
        await muonUpdate(
          weight,
          Float32Array.from(gradient),
          buffer,
          shape as [number, number],
          { momentum: 0.9, orthogonalize },
          { learningRate: 0.03, weightDecay: 0.2 },
        );
        expectClose(weight, weights[step + 1]!, 1e-6);
      }
    },
  );

  it('draws all singular values towards 1', async () => {
    // Columns at right angles, of lengths 1 and 5: the singular values.
    const [rows, columns] = [3, 2];
    const result = await orthogonalize(Float32Array.of(1, 0, 0, 5, 0, 0), [rows, columns]);
    const lengths = [0, 1].map((column) => Math.hypot(...[0, 1, 2].map((row) => result[row * columns + column]!)));
    for (const length of lengths) expect(Math.abs(length - 1)).toBeLessThan(0.35);
  });

  it('has the matrices of the layers, AdamW the rest; norms and biases are not decayed', async () => {
    const shapes = new Map([
      ['model.embed_tokens.weight', [4, 2]],
      ['model.layers.0.self_attn.q_proj.weight', [2, 2]],
      ['model.layers.0.self_attn.q_proj.bias', [2]],
      ['model.layers.0.input_layernorm.weight', [2]],
      ['model.layers.0.self_attn.k_norm.weight', [2]],
      ['model.norm.weight', [2]],
    ]);
    expect([...shapes].filter(([name, shape]) => isHiddenMatrix(name, shape)).map(([name]) => name)).toEqual([
      'model.layers.0.self_attn.q_proj.weight',
    ]);
    expect([...shapes.keys()].filter(isDecayed)).toEqual([
      'model.embed_tokens.weight',
      'model.layers.0.self_attn.q_proj.weight',
    ]);
    const settings = {
      name: 'muon',
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      momentum: 0.95,
      weightDecay: 0.5,
    } as const;
    const optimizer = new Optimizer(settings, shapes, orthogonalize);
    expect([...optimizer.state.keys()].filter((name) => name.startsWith('momentum'))).toEqual([
      'momentum_buffer.model.layers.0.self_attn.q_proj.weight',
    ]);
    // Without gradients only the decay is left.
    const filled = (value: number) =>
      new Map([...shapes].map(([name, shape]) => [name, new Float32Array(shape.reduce((a, b) => a * b)).fill(value)]));
    const weights = filled(1);
    await optimizer.update(weights, filled(0), { step: 0, learningRate: 0.1 });
    for (const [name, weight] of weights) expect(weight[0], name).toBeCloseTo(isDecayed(name) ? 0.95 : 1, 6);
  });
});

describe('the learning rate', () => {
  it.each(golden.schedules)(
    '$name with $warmup steps of warm-up is that of transformers',
    ({ name, warmup, steps, rates }) => {
      const schedule = { name, learningRate: 0.5, warmupSteps: warmup, maxSteps: steps } as Schedule;
      rates.forEach((rate, step) => {
        expect(learningRateAt(step, schedule)).toBeCloseTo(rate, 12);
      });
    },
  );
});

describe('clipping', () => {
  it('is that of torch', () => {
    const { gradients, norm, maximum, clipped } = golden.clip;
    const tensors = new Map(gradients.map((gradient, i) => [`${i}`, Float32Array.from(gradient)]));
    expect(globalNorm(tensors)).toBeCloseTo(norm, 5);
    clip(tensors, globalNorm(tensors), maximum);
    clipped.forEach((expected, i) => {
      expectClose(tensors.get(`${i}`)!, expected, 1e-6);
    });
    clip(tensors, globalNorm(tensors), 10);
    expectClose(tensors.get('0')!, clipped[0]!, 1e-6);
  });
});
