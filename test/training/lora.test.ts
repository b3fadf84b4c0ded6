import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoderTensors } from '../../src/model/index.js';
import { LowRank, readWeights, type Weights } from '../../src/runtime/index.js';
import { LoraOptimizer, type LoraSettings, loraTensors, type OptimizerSettings } from '../../src/training/index.js';
import { loraProblems } from '../../src/workflow/lora-settings.js';
import { openSmallTraining } from './setup.js';

const SETTINGS: LoraSettings = {
  r: 2,
  loraAlpha: 3,
  targetModules: ['q_proj', 'v_proj', 'down_proj'],
  modulesToSave: ['norm'],
};
const SCALE = SETTINGS.loraAlpha / SETTINGS.r;

let folder: string;
let small: Awaited<ReturnType<typeof openSmallTraining>>;
let products: LowRank;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'longrope-test-'));
  small = await openSmallTraining(folder);
  products = await LowRank.create({ scale: SCALE, threads: 1 });
});
afterAll(async () => {
  await small.close();
  await products.close();
  await rm(folder, { recursive: true });
});

const numbers = (length: number, seed: number) => Float32Array.from({ length }, (_, i) => Math.sin(seed + 1.7 * i));
const at = (matrix: Float32Array, width: number, row: number, column: number) => matrix[row * width + column] as number;

describe('low-rank products', () => {
  const [rows, columns, rank] = [5, 7, 2];
  const factors = { a: numbers(rank * columns, 1), b: numbers(rows * rank, 2), rows, columns, rank };

  it('add scale times b a', async () => {
    const [base, target] = [numbers(rows * columns, 3), new Float32Array(rows * columns)];
    await products.add(base, factors, target);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        let product = 0;
        for (let k = 0; k < rank; k++) product += at(factors.b, rank, i, k) * at(factors.a, columns, k, j);
        expect(at(target, columns, i, j)).toBeCloseTo(at(base, columns, i, j) + SCALE * product, 5);
      }
  });

  it('have the gradients that central differences of a linear loss have', async () => {
    const d = numbers(rows * columns, 4);
    const loss = (a: Float64Array, b: Float64Array) => {
      let sum = 0;
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++)
          for (let k = 0; k < rank; k++)
            sum += SCALE * at(d, columns, i, j) * (b[i * rank + k] as number) * (a[k * columns + j] as number);
      return sum;
    };
    const [a, b] = [Float64Array.from(factors.a), Float64Array.from(factors.b)];
    const slope = (values: Float64Array, i: number) => {
      const value = values[i] as number;
      const shifted = [1e-3, -1e-3].map((shift) => {
        values[i] = value + shift;
        return loss(a, b);
      }) as [number, number];
      values[i] = value;
      return (shifted[0] - shifted[1]) / 2e-3;
    };
    const found = await products.gradients(d, factors);
    for (const i of a.keys()) expect(found.a[i]).toBeCloseTo(slope(a, i), 4);
    for (const i of b.keys()) expect(found.b[i]).toBeCloseTo(slope(b, i), 4);
  });
});

describe('a training run with updates of low rank', () => {
  let optimizer: LoraOptimizer;
  const updater = (settings: OptimizerSettings, weights: Weights) => {
    const shapes = decoderTensors(small.model.spec);
    const orthogonalize = () => {
      throw new Error('no Muon here');
    };
    const parts = { settings: SETTINGS, optimizer: settings, shapes, weights, seed: 5, products, orthogonalize };
    optimizer = new LoraOptimizer(parts);
    return optimizer;
  };
  let done: Awaited<ReturnType<typeof small.run>>;
  beforeAll(async () => {
    done = await small.run({ out: path.join(folder, 'lora'), updater });
  });

  it('lowers the loss, and changes adapted matrices by their factors, norms as a whole, and nothing else', async () => {
    const losses = done.entries.map((entry) => ('loss' in entry ? entry.loss : Number.NaN));
    expect(losses[2]).toBeLessThan(losses[0] as number);
    const before = await readWeights(small.model);
    const { adapted, whole } = loraTensors(SETTINGS, decoderTensors(small.model.spec));
    for (const [name, weight] of done.weights) {
      const changed = weight.some((value, i) => value !== before.get(name)?.[i]);
      expect(changed, name).toBe(adapted.includes(name) || whole.includes(name));
    }
    expect(adapted).toContain('model.layers.1.mlp.down_proj.weight');
    for (const name of adapted) {
      const [rows, columns] = decoderTensors(small.model.spec).get(name) as readonly [number, number];
      const factor = (kind: string) => optimizer.state.get(name.replace('weight', `${kind}.weight`)) as Float32Array;
      const [a, b, weight, base] = [factor('lora_A'), factor('lora_B'), done.weights.get(name), before.get(name)];
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) {
          let product = 0;
          for (let k = 0; k < SETTINGS.r; k++) product += at(b, SETTINGS.r, i, k) * at(a, columns, k, j);
          const expected = at(base as Float32Array, columns, i, j) + SCALE * product;
          expect(at(weight as Float32Array, columns, i, j)).toBeCloseTo(expected, 6);
        }
    }
  });

  it('that is stopped goes on to the same bits', async () => {
    const controller = new AbortController();
    const onStep = ({ step }: { readonly step: number }) => {
      if (step === 3) controller.abort(new Error('stop'));
    };
    const out = path.join(folder, 'stopped');
    await expect(small.run({ out, updater, options: { signal: controller.signal, onStep } })).rejects.toThrow('stop');
    expect((await small.run({ out, updater })).weights).toEqual(done.weights);
  });
});

describe('settings of low rank', () => {
  const problems = (options: object) =>
    loraProblems({ fromScratch: false, ...options }, decoderTensors(small.model.spec)).map(
      ({ where, expected, found, fix }) => `${where}: expected ${expected}, found ${found}; ${fix}`,
    );

  it('need a rank', () => {
    expect(problems({ loraAlpha: 8, modulesToSave: ['norm'] })).toEqual([
      expect.stringMatching(/^--lora-alpha: expected --lora-r/),
      expect.stringMatching(/^--modules-to-save: expected --lora-r/),
    ]);
  });

  it('name matrices of layers and tensors of the model, of a model that is trained', () => {
    const options = { loraR: 4, loraTargetModules: ['q_prj', 'up_proj'], modulesToSave: ['nrm'], fromScratch: true };
    expect(problems(options)).toEqual([
      expect.stringMatching(/^--lora-r: expected trained weights.*--from-scratch/),
      expect.stringMatching(
        /^--lora-target-modules: expected one of q_proj, .*down_proj, found "q_prj"; did you mean q_proj/,
      ),
      expect.stringMatching(/^--modules-to-save: expected one of .*found "nrm"/),
    ]);
  });

  it('leave something of each target its updates', () => {
    const [saved] = problems({ loraR: 4, loraTargetModules: ['q_proj', 'up_proj'], modulesToSave: ['q_proj', 'norm'] });
    expect(saved).toMatch(/^--modules-to-save: expected words that leave something of q_proj .*, found q_proj, norm/);
    expect(problems({ loraR: 4, loraTargetModules: ['q_proj'], modulesToSave: ['layers.0.'] })).toEqual([]);
    // The default targets are named by nobody.
    expect(problems({ loraR: 4, modulesToSave: ['q_proj'] })).toEqual([]);
    expect(problems({ loraR: 4, modulesToSave: ['self_attn'] })).toEqual([
      expect.stringMatching(
        /^--modules-to-save: expected words that leave something of q_proj, k_proj, v_proj, o_proj/,
      ),
    ]);
  });
});
