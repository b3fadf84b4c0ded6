import { afterAll, beforeAll, describe, it } from 'vitest';
import { evaluatePerplexity, type Protocol } from '../src/evaluation/index.js';
import { loadModel, type Model } from '../src/model/index.js';
import { type Engine, openEngine } from '../src/runtime/index.js';
import { check } from './check.js';
import { BOOKS, bookIds, Exchange, SMOLLM2, TINY } from './models.js';
import { PythonReference } from './python.js';
import { ropeCases } from './rope-cases.js';

interface Answer {
  readonly perplexity: number;
  readonly tokens: number;
}

const TOLERANCE = 1e-5;

/** Documents of different lengths, so that weighting by token and by window are not the same. */
const cases: readonly {
  readonly model: typeof TINY;
  readonly protocol: Protocol;
  readonly rope: string;
  readonly tokens: readonly number[];
  readonly bos: number | null;
}[] = [
  {
    model: TINY,
    protocol: { name: 'released', length: 1024, stride: 256, truncate: false },
    rope: 'yarn',
    tokens: [1100, 2000, 4000],
    bos: 1,
  },
  {
    model: TINY,
    protocol: { name: 'released', length: 256, stride: 100, truncate: false },
    rope: 'default',
    tokens: [300, 950, 2000],
    bos: 1,
  },
  {
    model: TINY,
    protocol: { name: 'released', length: 512, stride: 200, truncate: false },
    rope: 'linear',
    tokens: [700, 1111],
    bos: null,
  },
  {
    model: TINY,
    protocol: { name: 'released', length: 2048, stride: 256, truncate: true },
    rope: 'longrope',
    tokens: [2048, 3000],
    bos: 1,
  },
  { model: TINY, protocol: { name: 'document', length: 2048 }, rope: 'dynamic', tokens: [2048, 3000], bos: 1 },
  {
    model: TINY,
    protocol: { name: 'document', length: 1024 },
    rope: 'factors with 64 start tokens',
    tokens: [1024, 1500],
    bos: null,
  },
  {
    model: TINY,
    protocol: { name: 'sliding', length: 512, stride: 128, maxTokens: null },
    rope: 'llama3',
    tokens: [600, 1300],
    bos: 1,
  },
  {
    model: TINY,
    protocol: { name: 'sliding', length: 512, stride: 512, maxTokens: null },
    rope: 'proportional',
    tokens: [600, 1300],
    bos: null,
  },
  {
    model: SMOLLM2,
    protocol: { name: 'released', length: 1024, stride: 256, truncate: false },
    rope: 'default',
    tokens: [1024, 1600],
    bos: null,
  },
  {
    model: SMOLLM2,
    protocol: { name: 'released', length: 2048, stride: 2048, truncate: true },
    rope: 'yarn',
    tokens: [2048],
    bos: 1,
  },
];

describe.each([TINY, SMOLLM2])('perplexity of $name against transformers', (parityModel) => {
  let exchange: Exchange;
  let reference: PythonReference;
  let model: Model;
  let engine: Engine;

  beforeAll(async () => {
    exchange = await Exchange.open();
    reference = new PythonReference('reference_perplexity.py', parityModel.path);
    model = await loadModel(parityModel.path);
    engine = await openEngine(model, { workers: 1, maxLength: 4096 });
  });
  afterAll(async () => {
    reference?.close();
    await engine?.close();
    await exchange?.remove();
  });

  it.each(cases.filter((one) => one.model === parityModel))('$protocol.name, $rope, $tokens tokens', async (one) => {
    const rope = ropeCases(model.spec.rope, parityModel.originalLength).find(({ name }) => name === one.rope);
    if (rope === undefined) throw new Error(`no RoPE case ${one.rope}`);
    const documents = await Promise.all(
      one.tokens.map(async (tokens, i) => {
        const id = BOOKS[i] as string;
        return { id, ids: await bookIds(parityModel, tokens, id) };
      }),
    );
    const theirs = await reference.ask<Answer>({
      protocol: one.protocol,
      documents: await Promise.all(documents.map(({ id, ids }) => exchange.writeIds(id, ids))),
      bos: one.bos,
      rope: rope.reference,
    });
    const ours = await evaluatePerplexity({
      engine,
      documents,
      bosTokenId: one.bos,
      protocol: one.protocol,
      rope: rope.resolve(one.protocol.length),
    });
    const name = `${parityModel.name} perplexity, ${JSON.stringify(one.protocol)}, ${one.rope}, ${one.bos === null ? 'no BOS' : 'BOS'}`;
    check(`${name}, tokens counted`, Math.abs(ours.tokens - theirs.tokens), 1);
    check(`${name}, relative`, Math.abs(ours.perplexity / theirs.perplexity - 1), TOLERANCE);
  });
});
