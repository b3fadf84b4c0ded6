import { Worker } from 'node:worker_threads';
import { expect, it, vi } from 'vitest';
import { prepareWeights } from '../../src/model/index.js';
import { type Engine, openPool } from '../../src/runtime/index.js';
import { bookTokens, loadTiny, unscaled } from '../helpers/tiny-model.js';

async function losses(workers: number, threads: number): Promise<Float32Array[]> {
  const model = await loadTiny();
  const engine: Engine = await openPool(
    { spec: model.spec, weights: await prepareWeights(model), threads, cacheTokens: 0, opens: 'plain' },
    workers,
  );
  const ids = await bookTokens(700);
  const requests = [256, 700, 300, 511].map((length) => ({
    ids: ids.subarray(0, length),
    rope: unscaled(model),
    scoreFrom: 1,
  }));
  const results = await Promise.all(requests.map((request) => engine.tokenLosses(request)));
  await engine.close();
  return results;
}

it('gives the same bits for any number of workers and threads', async () => {
  const reference = await losses(1, 1);
  expect(reference.map(({ length }) => length)).toEqual([255, 699, 299, 510]);
  expect(await losses(2, 1)).toEqual(reference);
  expect(await losses(1, 2)).toEqual(reference);
});

it('computes only the asked tokens, with the same losses', async () => {
  const model = await loadTiny();
  const engine = await openPool(
    { spec: model.spec, weights: await prepareWeights(model), threads: 1, cacheTokens: 0, opens: 'plain' },
    1,
  );
  const ids = await bookTokens(400);
  const all = await engine.tokenLosses({ ids, rope: unscaled(model), scoreFrom: 1 });
  const tail = await engine.tokenLosses({ ids, rope: unscaled(model), scoreFrom: 350 });
  await engine.close();
  const difference = Math.max(...tail.map((loss, i) => Math.abs(loss - (all[349 + i] as number))));
  // Row blocks of another size may end in other kernels of the matrix product.
  expect(difference).toBeLessThan(1e-5);
});

it('drops requests that wait when they are aborted, and rejects what is left when it closes', async () => {
  const model = await loadTiny();
  const engine = await openPool(
    { spec: model.spec, weights: await prepareWeights(model), threads: 1, cacheTokens: 0, opens: 'plain' },
    1,
  );
  const ids = await bookTokens(300);
  const controller = new AbortController();
  const first = engine.tokenLosses({ ids, rope: unscaled(model), scoreFrom: 1 });
  const second = engine.tokenLosses({ ids, rope: unscaled(model), scoreFrom: 1 }, controller.signal);
  controller.abort(new Error('no longer wanted'));
  await expect(second).rejects.toThrow('no longer wanted');
  expect(await first).toHaveLength(299);
  const third = engine.tokenLosses({ ids, rope: unscaled(model), scoreFrom: 1 });
  const closed = expect(third).rejects.toThrow('closed');
  await engine.close();
  await closed;
});

it('fails loudly, with the cause, when a worker cannot load the model', async () => {
  const model = await loadTiny();
  const weights = (await prepareWeights(model)).map((weight) => ({ ...weight, file: `${weight.file}.gone` }));
  await expect(openPool({ spec: model.spec, weights, threads: 1, cacheTokens: 0, opens: 'plain' }, 1)).rejects.toThrow(
    /gone/,
  );
});

it('tells of a worker that died, then and later, and closes', async () => {
  const model = await loadTiny();
  const config = {
    spec: model.spec,
    weights: await prepareWeights(model),
    threads: 1,
    cacheTokens: 0,
    opens: 'plain',
  } as const;
  const engine = await openPool(config, 1);
  // Not sent: a thread that is terminated inside ONNX Runtime takes this process with it.
  const post = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(() => {});
  const losses = engine.tokenLosses({ ids: await bookTokens(256), rope: unscaled(model), scoreFrom: 1 });
  const [worker] = post.mock.contexts as Worker[];
  post.mockRestore();
  const failure = expect(losses).rejects.toThrow('an evaluation worker ended unexpectedly');
  await worker?.terminate();
  await failure;
  const later = engine.tokenLosses({ ids: await bookTokens(256), rope: unscaled(model), scoreFrom: 1 });
  await expect(later).rejects.toThrow('an evaluation worker ended unexpectedly');
  await engine.close();
});
