import { describe, expect, it } from 'vitest';
import { buildDecoder, buildLossHead, WeightTable } from '../../src/graph/index.js';
import { type Model, prepareWeights } from '../../src/model/index.js';
import { resolveRope } from '../../src/rope/frequencies.js';
import type { ResolvedRope } from '../../src/rope/types.js';
import type { DecoderEngine } from '../../src/runtime/index.js';
import { rotaryFeeds, rotaryTables } from '../../src/runtime/rotary-feeds.js';
import { Session } from '../../src/runtime/session.js';
import { interpolated, openCounting, randomIds } from '../helpers/engine-models.js';
import { generateNaively } from '../helpers/naive-generation.js';
import { loadTinyArchitecture, TINY_ARCHITECTURES } from '../helpers/tiny-architectures.js';

const LENGTH = 60;
const SHARED = 25;

async function withEngine(model: Model, use: (engine: DecoderEngine, rope: ResolvedRope) => Promise<void>) {
  const { geometry, scaling } = model.spec.rope;
  const { engine } = await openCounting(model, 4 * LENGTH);
  await use(engine, resolveRope(geometry, scaling, LENGTH));
  await engine.close();
}

/** Losses of all tokens but the first by the graph without a cache, in one run. */
async function lossesInOneRun(model: Model, ids: Int32Array, rope: ResolvedRope): Promise<Float32Array> {
  const table = new WeightTable(await prepareWeights(model));
  const open = (graph: Uint8Array) => Session.create('test', graph, { weightFolder: table.folder, threads: 1 });
  const [decoder, head] = [await open(buildDecoder(model.spec, table)), await open(buildLossHead(model.spec, table))];
  const length = ids.length - 1;
  const hidden = await decoder.run(
    {
      input_ids: { type: 'int64', data: BigInt64Array.from(ids.subarray(0, -1), BigInt), dims: [1, length] },
      ...rotaryFeeds(rotaryTables(model.spec, rope, length), length),
      seqlens_k: { type: 'int32', data: Int32Array.of(length - 1), dims: [1] },
      total_sequence_length: { type: 'int32', data: Int32Array.of(length), dims: [] },
    },
    'hidden',
  );
  const losses = await head.run(
    {
      hidden: { type: 'float32', data: hidden, dims: [length, model.spec.hiddenSize] },
      targets: { type: 'int64', data: BigInt64Array.from(ids.subarray(1), BigInt), dims: [length, 1] },
    },
    'loss',
  );
  await decoder.close();
  await head.close();
  return losses;
}

const largest = (a: Float32Array, b: Float32Array) =>
  Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));

describe.each(Object.keys(TINY_ARCHITECTURES))('%s', (name) => {
  it('computes the same in one run, with a cache, and token by token', async () => {
    const model = await loadTinyArchitecture(name);
    await withEngine(model, async (engine, rope) => {
      const ids = randomIds(model, LENGTH, 1);
      const other = Int32Array.of(...ids.subarray(0, SHARED), ...randomIds(model, LENGTH - SHARED, 2));
      const plain = await lossesInOneRun(model, ids, rope);
      expect(largest(plain, await engine.tokenLosses({ ids, rope, scoreFrom: 1 }))).toBeLessThan(2e-5);
      const sequences = [ids, other].map((sequence) => ({ ids: sequence, scoreFrom: 1 }));
      const [cached, second] = await engine.continuationLosses({ sequences, rope });
      expect(largest(plain, cached as Float32Array)).toBeLessThan(2e-5);
      expect(
        largest(await engine.tokenLosses({ ids: other, rope, scoreFrom: 1 }), second as Float32Array),
      ).toBeLessThan(2e-5);
      // Not all the same: the losses say something.
      expect(Math.max(...plain) - Math.min(...plain)).toBeGreaterThan(0.5);
      const prompts = [3, 4].map((seed) => randomIds(model, 20, seed));
      const request = { prompts, stages: [{ maxLength: 99, rope }], maxNewTokens: 10, stopIds: [] };
      expect(await engine.generate(request)).toEqual(await generateNaively(engine, request));
    });
  });

  it('the rotary table matters, if and where layers turn', async () => {
    const model = await loadTinyArchitecture(name);
    await withEngine(model, async (engine, rope) => {
      const ids = randomIds(model, LENGTH, 1);
      const own = await engine.tokenLosses({ ids, rope, scoreFrom: 1 });
      const slower = await engine.tokenLosses({ ids, rope: interpolated(model, 4), scoreFrom: 1 });
      expect(largest(own, slower)).toBeGreaterThan(1e-3);
    });
  });
});

it('layers without positions, and local ones, are left alone by the table that is searched', async () => {
  const still = await loadTinyArchitecture('smollm3', { no_rope_layers: [0, 0, 0] });
  const local = await loadTinyArchitecture('gemma3', { layer_types: Array(3).fill('sliding_attention') });
  for (const model of [still, local])
    await withEngine(model, async (engine, rope) => {
      const ids = randomIds(model, LENGTH, 1);
      const slower = interpolated(model, 4, 1.3);
      expect(await engine.tokenLosses({ ids, rope: slower, scoreFrom: 1 })).toEqual(
        await engine.tokenLosses({ ids, rope, scoreFrom: 1 }),
      );
    });
});

it('a window hides what is behind it: a token more than one window per layer ago changes nothing', async () => {
  for (const name of ['qwen2', 'gemma3', 'gemma2', 'phi3']) {
    const layerTypes = Array(3).fill('sliding_attention');
    const changes = { num_hidden_layers: 3, max_window_layers: 0, layer_types: layerTypes, sliding_window: 12 };
    const model = await loadTinyArchitecture(name, changes);
    await withEngine(model, async (engine, rope) => {
      const ids = randomIds(model, LENGTH, 1);
      const changed = Int32Array.from(ids);
      changed[0] = (ids[0] as number) === 5 ? 6 : 5;
      const [a, b] = [
        await engine.tokenLosses({ ids, rope, scoreFrom: 1 }),
        await engine.tokenLosses({ ids: changed, rope, scoreFrom: 1 }),
      ];
      // Row r sees rows r - 11 .. r in each of three layers.
      const reach = 3 * 11 + 1;
      expect(a.subarray(reach), name).toEqual(b.subarray(reach));
      expect(a[reach - 1], name).not.toBe(b[reach - 1]);
    });
  }
});

it('gemma2 runs in pieces and computes what one run would', async () => {
  const model = await loadTinyArchitecture('gemma2');
  await withEngine(model, async (engine, rope) => {
    const ids = randomIds(model, 700, 1);
    const pieces = await engine.tokenLosses({ ids, rope, scoreFrom: 1 });
    expect(largest(await lossesInOneRun(model, ids, rope), pieces)).toBeLessThan(2e-5);
  });
});
