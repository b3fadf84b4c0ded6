import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { loadModel } from '../../src/model/index.js';
import { openRunDirectory } from '../../src/run/index.js';
import { engineMemory, gradientNeed } from '../../src/runtime/engine-memory.js';
import { openEngine } from '../../src/runtime/index.js';
import { parseRacing } from '../../src/search/index.js';
import { chooseAlgorithm } from '../../src/workflow/choose-algorithm.js';
import { begunWith } from '../../src/workflow/search-run.js';
import { rejection } from '../helpers/rejection.js';
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

  it('is cma-es where evaluations fit into memory and gradients do not, and says so', async () => {
    const model = await loadModel(TINY);
    const { shared, perWorker, gradient } = engineMemory(model, { maxLength: 2048, gradients: true });
    expect(gradient).toBeGreaterThan(0);
    const need = (available: number) => gradientNeed(model, 2048, available);
    const all = shared + perWorker;
    // Where nothing fits the error is that of any engine.
    expect([all, all - 1, all - gradient, all - gradient - 1].map((available) => need(available).isShort)).toEqual([
      ...[false, true, true, false],
    ]);
    const choose = (algorithm: string, begun: string | null) =>
      chooseAlgorithm({ algorithm }, model.spec, { need: need(all - 1), begun });
    expect(choose('auto', null)).toEqual({
      name: 'cma-es',
      reason: expect.stringMatching(/^cma-es without racing: gradients of 2048 tokens take \S+ GB of memory/),
    });
    expect(choose('gradient', null).name).toBe('gradient');
    // What was begun goes on, whatever the memory is by now.
    expect(choose('auto', 'gradient').name).toBe('gradient');
    expect(choose('auto', 'cma-es')).toEqual(choose('auto', null));
    // Why it began so is known no more: perhaps somebody asked for cma-es by name.
    expect(chooseAlgorithm({ algorithm: 'auto' }, model.spec, { need: need(all), begun: 'cma-es' })).toEqual({
      name: 'cma-es',
      reason: 'cma-es: as the run in this folder began',
    });
  });

  it('does not keep to the manifest of a run that never began', async () => {
    const out = await temporaryFolder();
    expect(await begunWith(out)).toBeNull();
    const open = () => openRunDirectory(out, { algorithm: 'cma-es' });
    await (await open()).close();
    expect(await begunWith(out)).toBeNull();
    const run = await open();
    await run.journal.append([{ type: 'batch' }]);
    await run.close();
    expect(await begunWith(out)).toBe('cma-es');
  });

  it('is named where memory lacks for a gradient that was asked for', async () => {
    const model = await loadModel(TINY);
    const lacking = Array.from({ length: 400 }, (_, i) => Math.round(1000 * 1.05 ** i)).filter(
      (length) => gradientNeed(model, length).isShort,
    );
    // From the middle of them, as memory comes and goes.
    const maxLength = lacking[lacking.length >> 1] as number;
    const error = await rejection(openEngine(model, { maxLength, gradients: true, workers: 1 }));
    expect(error.kind).toBe('resource');
    expect(error.problems[0]?.fix).toMatch(/^search with --algorithm cma-es/);
    const longer = await rejection(openEngine(model, { maxLength: 1000 * maxLength, gradients: true, workers: 1 }));
    expect(longer.problems[0]?.fix).toBe('evaluate a shorter length');
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
