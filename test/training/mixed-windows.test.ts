import { expect, it } from 'vitest';
import { FINETUNE_DEFAULTS } from '../../src/training/index.js';
import { resolveFinetune } from '../../src/workflow/finetune-settings.js';
import { loadTiny, unscaled } from '../helpers/tiny-model.js';

it('mixed windows train what fits into the original length with the original RoPE, and only they', async () => {
  const model = await loadTiny();
  const ropeOf = async (mixedWindows: boolean) => {
    const settings = { ...FINETUNE_DEFAULTS, rope: 'yarn:2', maxSteps: 1, mixedWindows };
    return (await resolveFinetune(settings, model, { evaluates: false })).batches.rope;
  };
  const [mixed, plain] = [await ropeOf(true), await ropeOf(false)];
  const original = [...unscaled(model).inverseFrequency];
  expect([...mixed(256).inverseFrequency]).toEqual(original);
  expect([...mixed(257).inverseFrequency]).not.toEqual(original);
  for (const positions of [16, 256, 257, 512])
    expect([...plain(positions).inverseFrequency]).toEqual([...mixed(512).inverseFrequency]);
});
