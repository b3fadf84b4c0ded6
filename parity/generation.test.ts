import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type Model } from '../src/model/index.js';
import { type Engine, openEngine } from '../src/runtime/index.js';
import { BOOKS, bookIds, SMOLLM2, TINY } from './models.js';
import { PythonReference } from './python.js';
import { ropeCases } from './rope-cases.js';

const PROMPT = 100;
const NEW = 32;
const PROMPTS = 3;

/** Where the original length lies decides which table serves: it is the only thing that differs. */
const CASES = [
  { name: 'longrope, short table throughout', rope: 'longrope', original: 512, useCache: true },
  { name: 'longrope, long table throughout', rope: 'longrope', original: PROMPT - 1, useCache: true },
  // transformers without a cache is the reference here: with one its llama classes mix both tables.
  { name: 'longrope, from the second token on the long table', rope: 'longrope', original: PROMPT, useCache: false },
  { name: 'longrope, from the 17th token on the long table', rope: 'longrope', original: PROMPT + 15, useCache: false },
  { name: 'default', rope: 'default', original: 512, useCache: true },
  { name: 'yarn', rope: 'yarn', original: 64, useCache: true },
];

describe.each([TINY, SMOLLM2])('greedy generation of $name against transformers', (parityModel) => {
  let reference: PythonReference;
  let model: Model;
  let engine: Engine;
  let prompts: Int32Array[];

  beforeAll(async () => {
    reference = new PythonReference('reference_generation.py', parityModel.path);
    model = await loadModel(parityModel.path);
    engine = await openEngine(model, { workers: 1, maxLength: PROMPT + NEW, cacheTokens: PROMPTS * (PROMPT + NEW) });
    const { bos } = parityModel;
    prompts = await Promise.all(
      BOOKS.slice(0, PROMPTS).map(async (book) => {
        const ids = await bookIds(parityModel, PROMPT, book);
        return bos === null ? ids : Int32Array.of(bos, ...ids.subarray(0, -1));
      }),
    );
  });
  afterAll(async () => {
    reference?.close();
    await engine?.close();
  });

  it.each(CASES)('$name', async ({ name, rope, original, useCache }) => {
    const ropeCase = ropeCases(model.spec.rope, original).find((candidate) => candidate.name === rope);
    if (ropeCase === undefined) throw new Error(`no RoPE case ${rope}`);
    const theirs = await reference.ask<number[][]>({
      prompts: prompts.map((ids) => [...ids]),
      rope: ropeCase.reference,
      new_tokens: NEW,
      use_cache: useCache,
    });
    const stages = [original, 8 * original].map((maxLength) => ({ maxLength, rope: ropeCase.resolve(maxLength) }));
    const ours = await engine.generate({ prompts, stages, maxNewTokens: NEW, stopIds: [] });
    const same = ours.filter((ids, i) => ids.every((id, k) => id === theirs[i]?.[k])).length;
    console.log(`${parityModel.name}, ${name}: ${same} of ${PROMPTS} continuations of ${NEW} tokens identical`);
    expect(ours.map((ids) => [...ids])).toEqual(theirs);
  });
});
