import { describe, expect, it } from 'vitest';
import { decoderTensors } from '../../src/model/index.js';
import { initialWeights } from '../../src/training/index.js';
import { loadTinyArchitecture } from '../helpers/tiny-architectures.js';
import { loadTiny } from '../helpers/tiny-model.js';

describe('weights before any training', () => {
  it('are normal matrices, narrower where they write to the residual stream, and norms of 1', async () => {
    const { spec } = await loadTiny();
    const weights = initialWeights(spec, 1);
    expect([...weights.keys()]).toEqual([...decoderTensors(spec).keys()]);
    for (const [name, tensor] of weights) {
      if (name.endsWith('norm.weight')) {
        expect(
          tensor.every((value) => value === 1),
          name,
        ).toBe(true);
        continue;
      }
      const writes = name.includes('o_proj') || name.includes('down_proj');
      const expected = 0.02 / (writes ? Math.sqrt(2 * spec.layers) : 1);
      const mean = tensor.reduce((sum, value) => sum + value, 0) / tensor.length;
      const deviation = Math.sqrt(tensor.reduce((sum, value) => sum + (value - mean) ** 2, 0) / tensor.length);
      // Five standard errors of the mean and of the deviation.
      expect(Math.abs(mean), name).toBeLessThan((5 * expected) / Math.sqrt(tensor.length));
      expect(Math.abs(deviation / expected - 1), name).toBeLessThan(5 / Math.sqrt(2 * tensor.length));
      // A quarter of a normal distribution lies beyond 1.15 deviations; of a uniform one a third.
      const beyond = tensor.filter((value) => Math.abs(value) > 1.1503 * deviation).length / tensor.length;
      expect(Math.abs(beyond - 0.25), name).toBeLessThan(0.01);
    }
  });

  it('are norms of 0 where 1 is added to them, and biases of 0', async () => {
    const expectZeros = async (architecture: string, names: RegExp) => {
      const { spec } = await loadTinyArchitecture(architecture);
      const found = [...initialWeights(spec, 1)].filter(([name]) => names.test(name));
      expect(found.length).toBeGreaterThan(1);
      for (const [name, tensor] of found) expect(new Set(tensor), name).toEqual(new Set([0]));
    };
    await expectZeros('gemma2', /norm\.weight$/);
    await expectZeros('qwen2', /bias$/);
  });

  it('follow from the seed', async () => {
    const { spec } = await loadTiny();
    const name = 'model.layers.0.mlp.up_proj.weight';
    expect(initialWeights(spec, 2).get(name)).toEqual(initialWeights(spec, 2).get(name));
    expect(initialWeights(spec, 3).get(name)).not.toEqual(initialWeights(spec, 2).get(name));
  });
});
