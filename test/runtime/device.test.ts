import { describe, expect, it } from 'vitest';
import { deviceOption } from '../../src/cli/commands/device-option.js';
import type { DecoderSpec } from '../../src/model/types.js';
import { tokensPerRun } from '../../src/runtime/device-check.js';
import { DEVICES, engineName, openEngine } from '../../src/runtime/index.js';
import { rejection } from '../helpers/rejection.js';
import { loadTiny } from '../helpers/tiny-model.js';

describe('--device', () => {
  it('offers what the runtime knows', () => {
    expect(deviceOption().argChoices).toEqual(DEVICES);
  });

  it('is part of what every result says about its engine', () => {
    expect(engineName()).toBe(engineName('cpu'));
    expect(engineName('webgpu')).toBe(`${engineName()} on webgpu`);
  });

  it.each(['coreml', 'dml'] as const)('%s is refused where the package was built without it', async (device) => {
    if (process.platform !== 'linux') return;
    const { kind, message } = await rejection(openEngine(await loadTiny(), { device, maxLength: 16 }));
    expect(kind).toBe('unsupported');
    expect(message).toMatch(/--device \w+: expected one of cpu, webgpu.* on linux-.*; \w+ needs /);
  });

  it('runs one evaluation at a time', async () => {
    const { kind, message } = await rejection(
      openEngine(await loadTiny(), { device: 'webgpu', workers: 2, maxLength: 16 }),
    );
    expect(kind).toBe('usage');
    expect(message).toMatch(/--workers 2: expected 1/);
  });
});

describe('tokens a device may be given at a time', () => {
  const spec = { vocabularySize: 96 } as DecoderSpec;
  /** Hidden states of one number per token; `wrong` is added to the sixth from 32 tokens on. */
  const device = (wrong: number) => async (ids: Int32Array) =>
    Float32Array.from(ids, (id, i) => Math.sin(id) + (ids.length > 31 && i === 5 ? wrong : 0));

  it('are unlimited where a longer run does not change its beginning', async () => {
    expect(await tokensPerRun(spec, device(0))).toBe(Number.POSITIVE_INFINITY);
    expect(await tokensPerRun(spec, device(1e-5))).toBe(Number.POSITIVE_INFINITY);
  });

  it('are 31 where it does, also to nothing that is a number', async () => {
    expect(await tokensPerRun(spec, device(0.1))).toBe(31);
    expect(await tokensPerRun(spec, device(Number.NaN))).toBe(31);
  });
});
