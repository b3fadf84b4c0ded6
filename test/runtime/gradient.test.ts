import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { loadModel, type Model, prepareWeights } from '../../src/model/index.js';
import type { DecoderSpec } from '../../src/model/types.js';
import { rotaryTable } from '../../src/rope/index.js';
import {
  DecoderEngine,
  type GradientConfig,
  GradientEngine,
  type GradientSequence,
  type LossGradient,
  readWeights,
  type Wanted,
  type Weights,
} from '../../src/runtime/index.js';
import { interpolated, randomIds, randomModel } from '../helpers/engine-models.js';
import { openPlainDecoder, type Tables64 } from '../helpers/plain-decoder.js';
import { seededRandom } from '../helpers/random.js';
import { rejection } from '../helpers/rejection.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';

/** `spec` is what no config of these families says: the graphs know more than the architectures use today. */
interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly spec?: (spec: DecoderSpec) => DecoderSpec;
  readonly blocks?: Pick<GradientConfig, 'blockRows' | 'blockQueries' | 'groupsHeads' | 'keepBytes'>;
}
const CASES: readonly Case[] = [
  { name: 'heads of 8, tied embeddings', config: { tie_word_embeddings: true } },
  {
    name: 'a sliding window of 12 tokens, keys shared by four heads',
    config: {
      architectures: ['MistralForCausalLM'],
      model_type: 'mistral',
      head_dim: 16,
      sliding_window: 12,
      num_key_value_heads: 1,
    },
    // Too little for the inner values of any layer.
    blocks: { blockRows: 16, blockQueries: 7, keepBytes: 1000 },
  },
  {
    name: 'heads a group at a time',
    config: { num_key_value_heads: 2 },
    blocks: { blockQueries: 7, groupsHeads: true },
  },
  {
    name: 'heads of a sliding window a group at a time',
    config: tinyConfig('mistral', { sliding_window: 12, head_dim: 16, num_key_value_heads: 2 }),
    blocks: { groupsHeads: true },
  },
  {
    name: 'biases, adjacent pairs, a part of the head rotated, gelu',
    config: { attention_bias: true, mlp_bias: true, head_dim: 16 },
    spec: (spec) => ({
      ...spec,
      activation: 'gelu-tanh',
      rotaryPairing: 'adjacent',
      rope: { ...spec.rope, geometry: { ...spec.rope.geometry, rotaryDim: 8 } },
    }),
  },
  { name: 'norms of queries and keys per head', config: tinyConfig('qwen3') },
  { name: 'norms behind attention and MLP, and over whole projections', config: tinyConfig('olmo2') },
  {
    name: 'norms on both sides with an offset, scaled tied embeddings, capped logits',
    config: tinyConfig('gemma2', { tie_word_embeddings: true }),
    spec: (spec) => ({ ...spec, attentionSoftcap: null }),
  },
];
const LENGTH = 50;

async function opened(model: Model, wanted: Wanted, options: Case['blocks'] = {}) {
  const engine = await GradientEngine.create({ spec: model.spec, threads: 1, wanted, ...options });
  return { engine, weights: await readWeights(model) };
}

const STEP = 1e-4;

describe.each(CASES)('the gradient with $name', ({ config, spec: change, blocks }) => {
  let folder: string;
  let model: Model;
  let ids: Int32Array;
  let weights: Weights;
  let result: LossGradient;
  let plain: Awaited<ReturnType<typeof openPlainDecoder>>;
  let weights64: Map<string, Float64Array>;
  let tables64: Tables64;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'longrope-test-'));
    await writeTinyCheckpoint(folder, { config });
    const loaded = await loadModel(folder);
    model = { ...loaded, spec: change?.(loaded.spec) ?? loaded.spec };
    ids = randomIds(model, LENGTH, 5);
    const { engine, ...read } = await opened(model, { weights: 'all', tables: true }, blocks);
    weights = read.weights;
    result = await engine.lossAndGradient([{ ids, rope: interpolated(model, 4, 1.2), scoreFrom: 1 }], weights);
    await engine.close();
    plain = await openPlainDecoder(model.spec);
    weights64 = new Map([...weights].map(([name, data]) => [name, Float64Array.from(data)]));
    const table = rotaryTable(interpolated(model, 4, 1.2), LENGTH - 1);
    tables64 = { cos: Float64Array.from(table.cos), sin: Float64Array.from(table.sin) };
  });

  afterAll(() => rm(folder, { recursive: true }));

  it('belongs to the loss an evaluation gives', async () => {
    const engine = await DecoderEngine.create({
      spec: model.spec,
      weights: await prepareWeights(model),
      threads: 1,
      cacheTokens: 0,
      opens: 'plain',
    });
    const losses = await engine.tokenLosses({ ids, rope: interpolated(model, 4, 1.2), scoreFrom: 1 });
    await engine.close();
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect(result.loss).toBeCloseTo(mean, 5);
    expect(result.loss).toBeCloseTo(await plain(ids, weights64, tables64), 5);
  });

  /** The derivative along a direction by central differences, against the gradient times that direction. */
  async function checkAlong(
    name: string,
    ours: ArrayLike<number>,
    at: (moved: Float64Array) => Promise<number>,
    from: Float64Array,
  ) {
    expect(ours.length, name).toBe(from.length);
    const random = seededRandom(11);
    const norm = Math.hypot(...Array.from(ours));
    expect(norm, name).toBeGreaterThan(1e-5);
    // Half along the gradient, where the derivative is large, half at random, where a wrong entry shows.
    const direction = Float64Array.from(
      from,
      (_, i) => ours[i]! / norm + (random() - 0.5) / Math.sqrt(from.length / 12),
    );
    const along = (by: number) => at(from.map((value, i) => value + by * direction[i]!));
    const expected = ((await along(STEP)) - (await along(-STEP))) / (2 * STEP);
    const given = direction.reduce((sum, value, i) => sum + value * ours[i]!, 0);
    expect(Math.abs(given - expected) / norm, name).toBeLessThan(2e-5);
  }

  it('with respect to every weight agrees with central differences in float64', async () => {
    expect([...result.weights.keys()].sort()).toEqual([...weights.keys()].sort());
    for (const [name, from] of weights64)
      await checkAlong(
        name,
        result.weights.get(name)!,
        (moved) => plain(ids, new Map([...weights64, [name, moved]]), tables64),
        from,
      );
  });

  it('with respect to the tables agrees with central differences in float64', async () => {
    for (const what of ['cos', 'sin'] as const)
      await checkAlong(
        what,
        result.sequences[0]!.table![what],
        (moved) => plain(ids, weights64, { ...tables64, [what]: moved }),
        tables64[what],
      );
  });
});

it('passes that are asked for at once are as those asked for one after another, whatever was refused between them', async () => {
  const model = await randomModel(tinyConfig('mistral', { sliding_window: 12, head_dim: 16 }));
  const { engine, weights } = await opened(model, { weights: 'all', tables: true }, {});
  const pass = (tokens: number) =>
    engine.lossAndGradient(
      [{ ids: randomIds(model, tokens, tokens), rope: interpolated(model, 2), scoreFrom: 1 }],
      weights,
    );
  const lengths = [40, 9, 40, 25];
  const inTurn = [];
  for (const length of lengths) inTurn.push(await pass(length));
  const [first, refused, ...others] = lengths.map(pass).toSpliced(1, 0, pass(1));
  await expect(refused).rejects.toThrow('scoreFrom 1 of 1 tokens');
  expect(await Promise.all([first, ...others])).toEqual(inTurn);
});

it.each([{}, { blockQueries: 7 }, { groupsHeads: true, blockQueries: 9 }])(
  'a window as long as the sequence is none, to the last bit (%o)',
  async (blocks) => {
    const pass = async (window: number | null) => {
      const config = tinyConfig('mistral', { sliding_window: window, head_dim: 16, num_key_value_heads: 2 });
      const model = await randomModel(config);
      const { engine, weights } = await opened(model, { weights: 'all', tables: true }, blocks);
      const sequences = [40, 12].map((tokens) => ({
        ids: randomIds(model, tokens, tokens),
        rope: interpolated(model, 2),
        scoreFrom: 1,
      }));
      const result = await engine.lossAndGradient(sequences, weights);
      await engine.close();
      return result;
    };
    const none = await pass(null);
    for (const window of [40, 4096]) expect(await pass(window)).toEqual(none);
    // It hides something from the first sequence and nothing from the second.
    const short = await pass(12);
    expect(short.sequences[1]).toEqual(none.sequences[1]);
    expect(short.sequences[0]?.loss).not.toBe(none.sequences[0]?.loss);
  },
);

describe('several sequences in one pass', () => {
  it('have the weighted mean of their gradients, whatever their lengths, RoPEs and positions', async () => {
    const model = await randomModel(tinyConfig('mistral', { sliding_window: 12, head_dim: 16 }));
    const { engine, weights } = await opened(
      model,
      { weights: 'all', tables: true },
      { blockRows: 16, blockQueries: 7, groupsHeads: true },
    );
    const sequences: GradientSequence[] = [
      { ids: randomIds(model, 20, 1), rope: interpolated(model, 1), scoreFrom: 1 },
      { ids: randomIds(model, 20, 2), rope: interpolated(model, 4, 1.1), scoreFrom: 11, tokenWeight: 3 },
      {
        ids: randomIds(model, 33, 3),
        rope: interpolated(model, 4, 1.1),
        scoreFrom: 1,
        positions: Int32Array.from({ length: 33 }, (_, i) => (i < 16 ? i : i + 40)),
      },
    ];
    const together = await engine.lossAndGradient(sequences, weights);
    const shares = sequences.map(({ ids, scoreFrom, tokenWeight = 1 }) => tokenWeight * (ids.length - scoreFrom));
    const total = shares.reduce((sum, share) => sum + share, 0);
    const expected = new Map([...weights].map(([name, data]) => [name, new Float64Array(data.length)]));
    let loss = 0;
    for (const [i, sequence] of sequences.entries()) {
      const alone = await engine.lossAndGradient([sequence], weights);
      const share = shares[i]! / total;
      loss += share * alone.loss;
      expect(together.sequences[i]!.loss).toBeCloseTo(alone.loss, 6);
      const [ofAll, own] = [together.sequences[i]!.rope!, alone.sequences[0]!.rope!];
      expect(ofAll.attentionFactor).toBeCloseTo(share * own.attentionFactor, 6);
      own.inverseFrequency.forEach((value, pair) => {
        expect(Math.abs(ofAll.inverseFrequency[pair]! - share * value)).toBeLessThan(
          1e-5 * Math.max(1, Math.abs(value)),
        );
      });
      for (const [name, data] of alone.weights)
        data.forEach((value, k) => {
          expected.get(name)![k]! += share * value;
        });
    }
    expect(together.loss).toBeCloseTo(loss, 6);
    for (const [name, data] of expected) {
      const [norm, ours] = [Math.hypot(...data), together.weights.get(name)!];
      expect(Math.hypot(...data.map((value, k) => value - ours[k]!)) / norm, name).toBeLessThan(1e-5);
    }
    await engine.close();
  });

  it('turn by their positions', async () => {
    const model = await randomModel();
    const { engine, weights } = await opened(model, { weights: 'none', tables: true });
    const positions = Int32Array.from({ length: 24 }, (_, i) => (i < 8 ? i : i + 100));
    const rope = { ...interpolated(model, 4, 1.1), startTokens: 4 };
    const at = async (attentionFactor: number, slowest = 1) => {
      const inverseFrequency = rope.inverseFrequency.map((f, i, all) => (i === all.length - 2 ? f * slowest : f));
      const ids = randomIds(model, 24, 4);
      const request = { ids, rope: { ...rope, attentionFactor, inverseFrequency }, scoreFrom: 1, positions };
      return engine.lossAndGradient([request], weights);
    };
    const { rope: gradient } = (await at(1.1)).sequences[0]!;
    const byScale = ((await at(1.11)).loss - (await at(1.09)).loss) / 0.02;
    expect(Math.abs(gradient!.attentionFactor / byScale - 1)).toBeLessThan(0.01);
    const pair = rope.inverseFrequency.length - 2;
    const byFrequency =
      ((await at(1.1, 1.01)).loss - (await at(1.1, 0.99)).loss) / (0.02 * rope.inverseFrequency[pair]!);
    expect(Math.abs(gradient!.inverseFrequency[pair]! / byFrequency - 1)).toBeLessThan(0.02);
    await engine.close();
  });
});

describe('a token that stands for several', () => {
  /** In one layer: in a second one, the first of two equal tokens would not have seen the other. */
  it.each([{}, { blockQueries: 7 }, { blockQueries: 5, groupsHeads: true }])(
    'has the loss and gradients of as many tokens at its place (%j)',
    async (blocks) => {
      const model = await randomModel({ num_hidden_layers: 1, num_key_value_heads: 2 });
      const { engine, weights } = await opened(model, { weights: 'all', tables: true }, blocks);
      const ids = randomIds(model, 24, 4);
      const rope = interpolated(model, 4, 1.1);
      const counts = [...ids.keys()].map((i) => (i >= 3 && i < 6 ? 3 : 1));
      const once = { ids, rope, scoreFrom: 10, multiplicities: Float32Array.from(counts) };
      const places = counts.flatMap((count, i) => Array<number>(count).fill(i));
      const repeated = {
        ids: Int32Array.from(places, (i) => ids[i]!),
        rope,
        scoreFrom: places.indexOf(10),
        positions: Int32Array.from(places),
      };
      // Beside a sequence without: its keys are biased by 0.
      const plain = { ids: randomIds(model, 15, 9), rope, scoreFrom: 1 };
      const result = await engine.lossAndGradient([once, plain], weights);
      const expected = await engine.lossAndGradient([repeated, plain], weights);
      const unweighted = await engine.lossAndGradient([{ ids, rope, scoreFrom: 10 }, plain], weights);
      expect(Math.abs(result.loss - expected.loss)).toBeLessThan(1e-6);
      expect(Math.abs(result.loss - unweighted.loss)).toBeGreaterThan(1e-3);
      expect(result.sequences[1]!.loss).toBeCloseTo(unweighted.sequences[1]!.loss, 6);
      for (const [name, data] of result.weights) {
        const theirs = expected.weights.get(name)!;
        const difference = Math.hypot(...data.map((value, i) => value - theirs[i]!));
        expect(difference / Math.hypot(...theirs), name).toBeLessThan(3e-6);
      }
      await engine.close();
    },
  );
});

describe('tokens that cannot be scored', () => {
  it('are refused', async () => {
    const model = await randomModel();
    const { engine, weights } = await opened(model, { weights: 'none', tables: true });
    const run = (scoreFrom: number, ...ids: readonly number[]) =>
      engine.lossAndGradient([{ ids: Int32Array.from(ids), rope: interpolated(model, 2), scoreFrom }], weights);
    await expect(run(0, 1, 2, 3)).rejects.toThrow('scoreFrom 0 of 3 tokens');
    await expect(run(1, 1)).rejects.toThrow('scoreFrom 1 of 1 tokens');
    await expect(run(1, 1, 96, 3)).rejects.toThrow('token 96 of a vocabulary of 96');
    const short = { ids: Int32Array.of(1, 2, 3), rope: interpolated(model, 2), scoreFrom: 1 };
    const positions = Int32Array.of(0, 1);
    await expect(engine.lossAndGradient([{ ...short, positions }], weights)).rejects.toThrow('2 positions of 3 tokens');
    const multiplicities = Float32Array.of(1, 1);
    await expect(engine.lossAndGradient([{ ...short, multiplicities }], weights)).rejects.toThrow(
      '2 multiplicities of 3 tokens',
    );
    const none = { ...short, multiplicities: Float32Array.of(1, 0, 1) };
    await expect(engine.lossAndGradient([none], weights)).rejects.toThrow('a token that counts 0 times');
    await expect(engine.lossAndGradient([{ ...short, tokenWeight: 0 }], weights)).rejects.toThrow('weigh 0');
    await engine.close();
  });
});

describe('a model whose layers the plain graphs do not hold', () => {
  it('is refused with all that is missing', async () => {
    const { spec } = await randomModel(tinyConfig('gemma2'));
    const experts = { ...spec, experts: { count: 4, perToken: 2 } };
    const error = await rejection(
      GradientEngine.create({ spec: experts, threads: 1, wanted: { weights: 'all', tables: true } }),
    );
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toContain('a mixture of experts');
    expect(error.message).toContain('a cap on attention scores');
  });
});

describe('inner values that do not fit', () => {
  it('are computed anew, and the result is the same', async () => {
    const model = await randomModel(tinyConfig('olmo2'));
    const request = { ids: randomIds(model, 40, 6), rope: interpolated(model, 2), scoreFrom: 5 };
    const run = async (keepBytes: number) => {
      const { engine, weights } = await opened(model, { weights: 'all', tables: true }, { keepBytes });
      const result = await engine.lossAndGradient([request], weights);
      await engine.close();
      return result;
    };
    const [kept, anew] = [await run(2 ** 20), await run(0)];
    expect(anew.loss).toBe(kept.loss);
    for (const [name, data] of kept.weights) {
      const other = anew.weights.get(name)!;
      expect(Math.max(...data.map((value, i) => Math.abs(value - other[i]!))), name).toBeLessThan(1e-6);
    }
  });
});

describe('what is not wanted', () => {
  it('is not computed, and the rest is the same', async () => {
    const model = await randomModel();
    const request = { ids: randomIds(model, 20, 6), rope: interpolated(model, 2), scoreFrom: 5 };
    const run = async (wanted: Wanted) => {
      const { engine, weights } = await opened(model, wanted);
      const result = await engine.lossAndGradient([request], weights);
      await engine.close();
      return result;
    };
    const both = await run({ weights: 'all', tables: true });
    const tables = await run({ weights: 'none', tables: true });
    const trained = await run({ weights: 'all', tables: false });
    expect(tables.weights.size).toBe(0);
    expect(trained.sequences[0]!.rope).toBeNull();
    expect(tables.sequences).toEqual(both.sequences);
    expect(trained.weights).toEqual(both.weights);

    const names = ['model.layers.1.self_attn.v_proj.weight', 'model.norm.weight'];
    const some = await run({ weights: new Set(names), tables: true });
    // Layers share their graphs.
    const computed = ['model.layers.0.self_attn.v_proj.weight', ...names];
    expect(some.weights).toEqual(new Map(computed.map((name) => [name, both.weights.get(name)])));
    expect(some.sequences).toEqual(both.sequences);
    const embedding = await run({ weights: new Set(['model.embed_tokens.weight']), tables: false });
    expect([...embedding.weights]).toEqual([
      ['model.embed_tokens.weight', both.weights.get('model.embed_tokens.weight')],
    ]);
  });
});
