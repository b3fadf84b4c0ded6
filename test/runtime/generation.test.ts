import { describe, expect, it } from 'vitest';
import { prepareWeights } from '../../src/model/index.js';
import { type GenerateRequest, openPool } from '../../src/runtime/index.js';
import { ENGINE_MODELS, interpolated, openCounting, randomIds } from '../helpers/engine-models.js';
import { generateNaively } from '../helpers/naive-generation.js';
import { loadTiny, unscaled } from '../helpers/tiny-model.js';

const PROMPT = 20;
const NEW = 16;

describe.each(ENGINE_MODELS)('generation on $name', ({ load }) => {
  it('equals full recomputation, one prompt or many, also past a change of tables', async () => {
    const model = await load();
    const [short, long] = [unscaled(model), interpolated(model, 4, 1.3)];
    const { engine } = await openCounting(model, 1000);
    const prompts = [1, 2, 3].map((seed) => randomIds(model, PROMPT, seed));
    const request: GenerateRequest = {
      prompts,
      stages: [{ maxLength: 99, rope: short }],
      maxNewTokens: NEW,
      stopIds: [],
    };
    const once = await engine.generate(request);
    expect(once.map(({ length }) => length)).toEqual(prompts.map(() => NEW));
    expect(once).toEqual(await generateNaively(engine, request));
    for (const [i, prompt] of prompts.entries())
      expect(await engine.generate({ ...request, prompts: [prompt] })).toEqual([once[i]]);

    const stages = [
      { maxLength: PROMPT + 8, rope: short },
      { maxLength: 99, rope: long },
    ];
    const staged = await engine.generate({ ...request, stages });
    expect(staged).toEqual(await generateNaively(engine, { ...request, stages }));
    // The pass over PROMPT + 8 tokens, which predicts the ninth new one, is the last of the first stage.
    expect(staged.map((ids) => ids.slice(0, 9))).toEqual(once.map((ids) => ids.slice(0, 9)));
    expect(staged).not.toEqual(once);
    const longOnly = await engine.generate({ ...request, stages: stages.slice(1) });
    expect(longOnly).toEqual(await generateNaively(engine, { ...request, stages: stages.slice(1) }));
    expect(longOnly).not.toEqual(staged);
    await engine.close();
  });

  it('ends each row at its stop token, and goes on with the others', async () => {
    const model = await load();
    const { engine } = await openCounting(model, 1000);
    const prompts = [1, 2, 3].map((seed) => randomIds(model, PROMPT, seed));
    const stages = [
      { maxLength: PROMPT + 8, rope: unscaled(model) },
      { maxLength: 99, rope: interpolated(model, 4, 1.3) },
    ];
    const request: GenerateRequest = { prompts, stages, maxNewTokens: NEW, stopIds: [] };
    const endless = await engine.generate(request);
    // Rows 1 and 2 end at once and in the second stage, if not at an earlier place of the same token.
    const stopIds = [endless[1]?.[0], endless[2]?.[12]] as number[];
    const stopped = await engine.generate({ ...request, stopIds });
    const cut = endless.map((ids) => {
      const end = ids.findIndex((token) => stopIds.includes(token));
      return end < 0 ? ids : ids.slice(0, end + 1);
    });
    expect(stopped).toEqual(cut);
    expect(new Set(cut.map(({ length }) => length)).size).toBeGreaterThan(1);
    await engine.close();
  });
});

it('splits a batch that does not fit into the cache', async () => {
  const model = await loadTiny();
  const prompts = [1, 2, 3, 4, 5].map((seed) => randomIds(model, PROMPT, seed));
  const request: GenerateRequest = {
    prompts,
    stages: [{ maxLength: 99, rope: unscaled(model) }],
    maxNewTokens: 9,
    stopIds: [],
  };
  const large = await openCounting(model, 5 * 28);
  const small = await openCounting(model, 3 * 28 - 1);
  const expected = await large.engine.generate(request);
  // Five prompts row by row, then eight steps of all of them; or three batches of steps.
  expect(large.counter.runs).toBe(5 + 8);
  expect(await small.engine.generate(request)).toEqual(expected);
  expect(small.counter.runs).toBe(5 + 3 * 8);
  const tooSmall = await openCounting(model, 27);
  await expect(tooSmall.engine.generate(request)).rejects.toThrow('28 tokens');
  for (const { engine } of [large, small, tooSmall]) await engine.close();
});

it('refuses prompts of several lengths and tables that do not reach', async () => {
  const model = await loadTiny();
  const { engine } = await openCounting(model, 100);
  const rope = unscaled(model);
  const request: GenerateRequest = {
    prompts: [randomIds(model, 9, 1)],
    stages: [{ maxLength: 12, rope }],
    maxNewTokens: 4,
    stopIds: [],
  };
  expect((await engine.generate(request))[0]).toHaveLength(4);
  await expect(engine.generate({ ...request, maxNewTokens: 5 })).rejects.toThrow('no rotary table for 13 tokens');
  await expect(engine.generate({ ...request, prompts: [randomIds(model, 13, 1)] })).rejects.toThrow('no rotary table');
  const uneven = [randomIds(model, 9, 1), randomIds(model, 8, 2)];
  await expect(engine.generate({ ...request, prompts: uneven })).rejects.toThrow('prompts of 9, 8 tokens in one batch');
  expect(await engine.generate({ ...request, prompts: [] })).toEqual([]);
  await engine.close();
});

it('an abort ends generation between two tokens, and the worker goes on with the next request', async () => {
  const model = await loadTiny();
  const weights = await prepareWeights(model);
  const engine = await openPool({ spec: model.spec, weights, threads: 1, cacheTokens: 30_000, opens: 'cached' }, 1);
  const stages = [{ maxLength: 30_000, rope: unscaled(model) }];
  const request: GenerateRequest = { prompts: [randomIds(model, 9, 1)], stages, maxNewTokens: 20_000, stopIds: [] };
  const controller = new AbortController();
  const started = performance.now();
  const endless = engine.generate(request, controller.signal);
  setTimeout(() => controller.abort(new Error('no longer wanted')), 300);
  await expect(endless).rejects.toThrow('no longer wanted');
  // All of it would take minutes.
  expect(performance.now() - started).toBeLessThan(30_000);
  expect((await engine.generate({ ...request, maxNewTokens: 2 }))[0]).toHaveLength(2);
  await engine.close();
});
