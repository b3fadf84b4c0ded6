import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { loadModel } from '../../src/model/index.js';
import { parseRacing } from '../../src/search/index.js';
import { chooseAlgorithm } from '../../src/workflow/choose-algorithm.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

describe('auto', () => {
  it('is gradient descent where the model has gradients', async () => {
    const { spec } = await loadModel(TINY);
    expect(chooseAlgorithm({ algorithm: 'auto' }, spec).name).toBe('gradient');
    expect(chooseAlgorithm({ algorithm: 'auto', device: 'webgpu' }, spec)).toEqual({
      name: 'cma-es',
      reason: expect.stringContaining('webgpu'),
    });
    expect(chooseAlgorithm({ algorithm: 'auto', racing: parseRacing('') }, spec)).toEqual({
      name: 'cma-es',
      reason: expect.stringContaining('--racing was asked for'),
    });
    expect(chooseAlgorithm({ algorithm: 'longrope', hyperparameters: {} }, spec)).toEqual({
      name: 'longrope',
      reason: null,
    });
    expect(() => chooseAlgorithm({ algorithm: 'auto', hyperparameters: {} }, spec)).toThrow(UserError);
  });

  it('is cma-es elsewhere, and says why', async () => {
    const folder = await temporaryFolder();
    await writeTinyCheckpoint(folder, { config: tinyConfig('gemma2') });
    const { spec } = await loadModel(folder);
    expect(chooseAlgorithm({ algorithm: 'auto' }, spec)).toEqual({
      name: 'cma-es',
      reason: expect.stringMatching(/^cma-es without racing: .*a cap on attention scores/),
    });
  });
});
