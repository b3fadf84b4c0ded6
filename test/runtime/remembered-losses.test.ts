import { expect, test } from 'vitest';
import { type Engine, type LossRequest, rememberLosses } from '../../src/runtime/index.js';

const rope = {
  inverseFrequency: Float32Array.of(1, 0.1),
  attentionFactor: 1,
  startTokens: 0,
  baseInverseFrequency: Float32Array.of(1, 0.1),
};
const request: LossRequest = { ids: Int32Array.of(1, 2, 3), scoreFrom: 1, rope };

/** An engine of which only `tokenLosses` is there: the n-th answer is n. */
function numbered(fail: (asked: number) => boolean = () => false) {
  const asked: LossRequest[] = [];
  const engine = {
    workers: 2,
    tokenLosses: async (of: LossRequest) => {
      asked.push(of);
      if (fail(asked.length)) throw new Error(`failed ${asked.length}`);
      return Float32Array.of(asked.length);
    },
  } as unknown as Engine;
  return { asked, engine: rememberLosses(engine) };
}

test('a row is computed once, also while its first answer is under way', async () => {
  const { asked, engine } = numbered();
  const copy = { ...request, ids: Int32Array.of(9, 1, 2, 3).subarray(1) };
  const answers = await Promise.all([engine.tokenLosses(request), engine.tokenLosses(copy)]);
  expect([...answers, await engine.tokenLosses(request)].map(([losses]) => losses)).toEqual([1, 1, 1]);
  expect(asked).toHaveLength(1);
  expect(engine.workers).toBe(2);
});

test.each<[string, Partial<LossRequest>]>([
  ['token', { ids: Int32Array.of(1, 2, 4) }],
  ['length', { ids: Int32Array.of(1, 2) }],
  ['first scored token', { scoreFrom: 2 }],
  ['frequency, by its last bit', { rope: { ...rope, inverseFrequency: Float32Array.of(1, 0.1 + 2 ** -27) } }],
  ['base frequency', { rope: { ...rope, baseInverseFrequency: Float32Array.of(1, 0.2) } }],
  ['attention factor', { rope: { ...rope, attentionFactor: 1 + 2 ** -52 } }],
  ['number of start tokens', { rope: { ...rope, startTokens: 4 } }],
])('another %s is another row', async (_, change) => {
  const { asked, engine } = numbered();
  await engine.tokenLosses(request);
  expect(await engine.tokenLosses({ ...request, ...change })).toEqual(Float32Array.of(2));
  expect(asked).toHaveLength(2);
});

test('a failure is not remembered', async () => {
  const { engine } = numbered((asked) => asked === 1);
  await expect(engine.tokenLosses(request)).rejects.toThrow('failed 1');
  expect(await engine.tokenLosses(request)).toEqual(Float32Array.of(2));
});
