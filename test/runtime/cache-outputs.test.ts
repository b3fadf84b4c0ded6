import { describe, expect, it } from 'vitest';
import { buildDecoder, type CacheOutputs, WeightTable } from '../../src/graph/index.js';
import { type Model, prepareWeights } from '../../src/model/index.js';
import { rotaryTable } from '../../src/rope/rotary-table.js';
import { Session, type Tensor } from '../../src/runtime/session.js';
import { ENGINE_MODELS, randomIds } from '../helpers/engine-models.js';
import { unscaled } from '../helpers/tiny-model.js';

async function open(model: Model, cache: CacheOutputs): Promise<Session> {
  const table = new WeightTable(await prepareWeights(model));
  return Session.create(cache, buildDecoder(model.spec, table, cache), { weightFolder: table.folder, threads: 1 });
}

function feeds(model: Model, ids: Int32Array, past: number): Record<string, Tensor> {
  const { cos, sin, width } = rotaryTable(unscaled(model), past + ids.length);
  const dims = [past + ids.length, width];
  return {
    input_ids: { type: 'int64', data: BigInt64Array.from(ids, BigInt), dims: [1, ids.length] },
    cos: { type: 'float32', data: cos, dims },
    sin: { type: 'float32', data: sin, dims },
    seqlens_k: { type: 'int32', data: Int32Array.of(past + ids.length - 1), dims: [1] },
    total_sequence_length: { type: 'int32', data: Int32Array.of(past + ids.length), dims: [] },
  };
}

describe.each(ENGINE_MODELS)('the graph with a cache on $name', ({ load }) => {
  it('gives past and new keys and values as `present`, the new ones as `appended`', async () => {
    const model = await load();
    const { layers, keyValueHeads, headDim } = model.spec;
    const names = Array.from({ length: layers }, (_, n) => [`${n}.key`, `${n}.value`]).flat();
    const past = (data: (name: string) => Float32Array, length: number): Record<string, Tensor> =>
      Object.fromEntries(
        names.map((name) => {
          const dims = [1, keyValueHeads, length, headDim];
          return [`past_key_values.${name}`, { type: 'float32', data: data(name), dims }];
        }),
      );
    const none = past(() => new Float32Array(0), 0);
    const present = await open(model, 'present');
    const appended = await open(model, 'appended');
    const ids = randomIds(model, 30, 1);
    const presentNames = names.map((name) => `present.${name}`);

    const first = await present.runFor({ ...feeds(model, ids.subarray(0, 20), 0), ...none }, presentNames);
    const kept = past((name) => first[names.indexOf(name)] as Float32Array, 20);
    const rest = { ...feeds(model, ids.subarray(20), 20), ...kept };
    const [hidden, ...all] = await present.runFor(rest, ['hidden', ...presentNames]);
    const [sameHidden, ...fresh] = await appended.runFor(rest, ['hidden', ...names.map((name) => `appended.${name}`)]);
    expect(sameHidden).toEqual(hidden);
    for (const [i, whole] of all.entries()) {
      expect(whole).toHaveLength(keyValueHeads * 30 * headDim);
      for (let head = 0; head < keyValueHeads; head++) {
        const at = (length: number, from: number, to: number) =>
          [head * length + from, head * length + to].map((row) => row * headDim) as [number, number];
        const rows = whole.subarray(...at(30, 0, 30));
        expect(rows.subarray(0, 20 * headDim)).toEqual(first[i]?.subarray(...at(20, 0, 20)));
        expect(rows.subarray(20 * headDim)).toEqual(fresh[i]?.subarray(...at(10, 0, 10)));
      }
    }
    const inOne = await (await open(model, 'none')).run(feeds(model, ids, 0), 'hidden');
    const tail = inOne.subarray(20 * model.spec.hiddenSize);
    const difference = Math.max(...tail.map((value, i) => Math.abs(value - (hidden?.[i] as number))));
    expect(difference).toBeLessThan(1e-5);
    await present.close();
    await appended.close();
  });
});
