import { describe, expect, it } from 'vitest';
import { type Model, prepareWeights } from '../../src/model/index.js';
import { type ContinuationRequest, openPool } from '../../src/runtime/index.js';
import { ENGINE_MODELS, interpolated, openCounting, randomIds } from '../helpers/engine-models.js';
import { loadTiny, unscaled } from '../helpers/tiny-model.js';

const TOLERANCE = 2e-5;
const HEADER = 40;

const join = (...parts: readonly Int32Array[]) => Int32Array.from(parts.flatMap((part) => [...part]));

/** A header, two questions behind it, and choices that part at several depths. */
function questions(model: Model): ContinuationRequest['sequences'] {
  const part = (length: number, seed: number) => randomIds(model, length, seed);
  const header = part(HEADER, 1);
  const [first, second] = [join(header, part(30, 2)), join(header, part(25, 3))];
  const choice = part(6, 4);
  return [
    { ids: join(first, choice), scoreFrom: first.length },
    { ids: join(second, part(9, 5)), scoreFrom: second.length },
    // Parts from the first choice after four tokens of it.
    { ids: join(first, choice.subarray(0, 4), part(3, 6)), scoreFrom: first.length },
    // Begins another sequence, and one of a single scored token.
    { ids: join(first, choice.subarray(0, 2)), scoreFrom: first.length },
    { ids: join(second, part(1, 7)), scoreFrom: second.length },
    { ids: join(second, part(1, 8)), scoreFrom: second.length },
    // Scored inside of what others share.
    { ids: join(first, part(2, 9)), scoreFrom: 1 },
  ];
}

function largestDifference(ours: readonly Float32Array[], theirs: readonly Float32Array[]): number {
  expect(ours.map(({ length }) => length)).toEqual(theirs.map(({ length }) => length));
  const differences = ours.map((losses, i) => losses.map((loss, k) => Math.abs(loss - (theirs[i]?.[k] as number))));
  return Math.max(...differences.map((each) => Math.max(...each)));
}

describe.each(ENGINE_MODELS)('continuations on $name', ({ name, load }) => {
  it('have the losses of whole sequences, and the same bits in any order', async () => {
    const model = await load();
    const rope = interpolated(model, 2, 1.1);
    const sequences = questions(model);
    const { engine } = await openCounting(model, 200);
    const whole: Float32Array[] = [];
    for (const sequence of sequences) whole.push(await engine.tokenLosses({ ...sequence, rope }));
    const shared = await engine.continuationLosses({ sequences, rope });
    const withHeader = await engine.continuationLosses({ sequences, rope, headerLength: HEADER });
    const differences = [shared, withHeader].map((losses) => largestDifference(losses, whole));
    console.log(`continuations on ${name}: largest difference ${Math.max(...differences).toExponential(2)}`);
    expect(Math.max(...differences)).toBeLessThan(TOLERANCE);
    const reversed = await engine.continuationLosses({ sequences: sequences.toReversed(), rope });
    expect(reversed.toReversed()).toEqual(shared);
    await engine.close();
  });
});

it.each(ENGINE_MODELS.slice(1))('continuations longer than one run of the decoder, $name', async ({ load }) => {
  const model = await load();
  const rope = unscaled(model);
  const ids = randomIds(model, 2300, 1);
  const sequences = [1, 2].map((seed) => ({ ids: join(ids, randomIds(model, 4, seed)), scoreFrom: 2000 }));
  const { engine } = await openCounting(model, 2400);
  const whole: Float32Array[] = [];
  for (const sequence of sequences) whole.push(await engine.tokenLosses({ ...sequence, rope }));
  expect(largestDifference(await engine.continuationLosses({ sequences, rope }), whole)).toBeLessThan(TOLERANCE);
  await engine.close();
});

describe('what is computed', () => {
  it('each shared token once; sequences that differ in the last target cost one run', async () => {
    const model = await loadTiny();
    const rope = unscaled(model);
    const { engine, counter } = await openCounting(model, 200);
    const prompt = randomIds(model, 50, 1);
    const choices = [7, 8, 9, 10].map((token) => ({ ids: join(prompt, Int32Array.of(token)), scoreFrom: 50 }));
    await engine.continuationLosses({ sequences: choices, rope });
    expect(counter.runs).toBe(1);
    counter.runs = 0;
    // One run per sequence but those that begin another.
    await engine.continuationLosses({ sequences: questions(model), rope });
    expect(counter.runs).toBe(4);
    await engine.close();
  });

  it('a header once for many requests, with the bits of a fresh engine whatever came before', async () => {
    const model = await loadTiny();
    const rope = unscaled(model);
    const request: ContinuationRequest = { sequences: questions(model), rope, headerLength: HEADER };
    const fresh = await openCounting(model, 400);
    const expected = await fresh.engine.continuationLosses(request);
    expect(fresh.counter.runs).toBe(5);

    const { engine, counter } = await openCounting(model, 400);
    const others: readonly ContinuationRequest[] = [
      // The same header behind another question; another table; no header; a header that ends elsewhere; more room.
      { ...request, sequences: request.sequences.slice(1, 2) },
      { ...request, rope: interpolated(model, 2) },
      { sequences: request.sequences, rope },
      { ...request, headerLength: HEADER - 1 },
      { sequences: [{ ids: randomIds(model, 390, 3), scoreFrom: 100 }], rope },
    ];
    for (const other of others) {
      await engine.continuationLosses(other);
      expect(await engine.continuationLosses(request)).toEqual(expected);
      counter.runs = 0;
      expect(await engine.continuationLosses(request)).toEqual(expected);
      expect(counter.runs).toBe(4);
    }
    // Generation takes the memory of the cache: the header is computed again.
    await engine.generate({
      prompts: [randomIds(model, 60, 1)],
      stages: [{ maxLength: 99, rope }],
      maxNewTokens: 3,
      stopIds: [],
    });
    expect(await engine.continuationLosses(request)).toEqual(expected);
    await fresh.engine.close();
    await engine.close();
  });

  it('every sequence by itself where the cache is too small', async () => {
    const model = await loadTiny();
    const request = { sequences: questions(model), rope: unscaled(model), headerLength: HEADER };
    const small = await openCounting(model, 60);
    const large = await openCounting(model, 100);
    const recomputed = await small.engine.continuationLosses(request);
    expect(small.counter.runs).toBe(request.sequences.length);
    expect(largestDifference(await large.engine.continuationLosses(request), recomputed)).toBeLessThan(TOLERANCE);
    await small.engine.close();
    await large.engine.close();
  });

  it('nothing for a header the sequences do not share', async () => {
    const model = await loadTiny();
    const { engine } = await openCounting(model, 100);
    const request = { sequences: questions(model), rope: unscaled(model) };
    await expect(engine.continuationLosses({ ...request, headerLength: HEADER + 1 })).rejects.toThrow(
      '41 tokens of header',
    );
    expect(await engine.continuationLosses({ sequences: [], rope: request.rope })).toEqual([]);
    await engine.close();
  });
});

it('has the same bits for any number of workers', async () => {
  const model = await loadTiny();
  const rope = unscaled(model);
  const all = questions(model);
  const results: Float32Array[][][] = [];
  for (const workers of [1, 2]) {
    const weights = await prepareWeights(model);
    const engine = await openPool(
      { spec: model.spec, weights, threads: 1, cacheTokens: 100, opens: 'cached' },
      workers,
    );
    const requests = all.map((_, i) => ({ sequences: all.slice(i, i + 3), rope, headerLength: HEADER }));
    results.push(await Promise.all(requests.map((request) => engine.continuationLosses(request))));
    await engine.close();
  }
  expect(results[1]).toEqual(results[0]);
});
