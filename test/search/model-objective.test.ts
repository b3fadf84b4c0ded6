import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadModel, type Model } from '../../src/model/index.js';
import { rescaledRope } from '../../src/rope/frequencies.js';
import { type Engine, openEngine } from '../../src/runtime/index.js';
import { makeCandidate } from '../../src/search/candidate.js';
import {
  type Candidate,
  type DocumentLoss,
  documentRows,
  keyTokenRows,
  modelObjective,
  type Objective,
  type ScoredRow,
} from '../../src/search/index.js';
import { randomIds } from '../helpers/engine-models.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';

const STEP = 1e-3;
const KEYS = [[3, 40, 41, 90], [7]];

let folder: string;
let model: Model;
let engine: Engine;
let pairs: number;
let rowsAt: (length: number) => readonly ScoredRow[];
let needles: readonly ScoredRow[];
let documents: { id: string; ids: Int32Array }[];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'longrope-objective-'));
  await writeTinyCheckpoint(folder, {});
  model = await loadModel(folder);
  engine = await openEngine(model, { maxLength: 96, workers: 2, threads: 1 });
  pairs = model.spec.rope.geometry.rotaryDim / 2;
  documents = [3, 4].map((seed) => ({ id: `noise ${seed}`, ids: randomIds(model, 96, seed) }));
  rowsAt = documentRows(documents, null);
  needles = [5, 6].map((seed) => ({ ids: randomIds(model, 80, seed), scoreFrom: 74 }));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

const at = (moved = -1, by = 0, startTokens = 0): Candidate =>
  makeCandidate(
    Float64Array.from({ length: pairs }, (_, pair) => (1 + pair) * Math.exp(pair === moved ? by : 0)),
    1.1 * Math.exp(moved === pairs ? by : 0),
    startTokens,
  );

const mixed = (): Objective =>
  modelObjective({
    engine,
    geometry: model.spec.rope.geometry,
    documents,
    bosTokenId: null,
    lengths: [{ length: 96, weight: 2 }],
    measures: [
      { name: 'perplexity', weight: 1, rows: rowsAt },
      { name: 'needle', weight: 0.5, rows: () => needles },
      { name: 'longppl', weight: 0.25, rows: (length) => keyTokenRows(rowsAt(length), KEYS) },
    ],
    shortLimit: { length: 24, rows: rowsAt(24), baseLosses: [4.1, 4.2], rise: 0.02 },
  });

const one = async (objective: Objective, candidate: Candidate, document = 0, gradient = false) =>
  (await objective.evaluate([{ candidate, document, gradient }]))[0] as DocumentLoss;

/** Mean loss of some of a row's tokens by the engine alone. */
async function meanOf({ ids }: ScoredRow, candidate: Candidate, tokens: readonly number[]): Promise<number> {
  const rope = rescaledRope(model.spec.rope.geometry, candidate);
  const losses = await engine.tokenLosses({ ids, rope, scoreFrom: 1 });
  return tokens.reduce((sum, token) => sum + (losses[token - 1] as number), 0) / tokens.length;
}
const from = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i);

// LongRoPE2's released files look for the needle's labels under another name and fall back to all tokens (defect 1).
it('is the weighted mean of the losses of all tokens, of the answer alone and of the key tokens alone', async () => {
  const objective = mixed();
  expect(objective.parts).toEqual(['perplexity 96', 'needle 96', 'longppl 96', 'short 24']);
  for (const document of [0, 1]) {
    const candidate = at();
    const row = rowsAt(96)[document] as ScoredRow;
    const expected = [
      await meanOf(row, candidate, from(1, 96)),
      await meanOf(needles[document] as ScoredRow, candidate, from(74, 80)),
      await meanOf(
        row,
        candidate,
        (KEYS[document] as number[]).map((key) => key + 1),
      ),
      await meanOf(rowsAt(24)[document] as ScoredRow, candidate, from(1, 24)),
    ] as const;
    const loss = await one(objective, candidate, document);
    for (const [part, value] of expected.entries()) expect(loss.parts?.[part]).toBeCloseTo(value, 6);
    expect(loss.lossSum / loss.tokens).toBeCloseTo((expected[0] + 0.5 * expected[1] + 0.25 * expected[2]) / 1.75, 6);
    expect(loss.short?.excess).toBeCloseTo(expected[3] - (document === 0 ? 4.1 : 4.2) - 0.02, 6);
  }
});

it('pays for every token that is read, and reads the text of two measures once', async () => {
  const objective = mixed();
  expect(objective.scoredTokens).toEqual([95 + 79 + 23, 95 + 79 + 23]);
  expect((await one(objective, at())).tokens).toBe(197);
  expect((await one(objective, at(), 0, true)).tokens).toBe(197);
});

it('several lengths become the weighted mean of their losses per token, all read from the longest', async () => {
  const lengths = [
    { length: 96, weight: 3 },
    { length: 24, weight: 1 },
  ];
  const shared = { engine, geometry: model.spec.rope.geometry, documents, bosTokenId: null };
  const objective = modelObjective({ ...shared, lengths });
  const both = await one(objective, at());
  const [long, short] = [
    await meanOf(rowsAt(96)[0] as ScoredRow, at(), from(1, 96)),
    await meanOf(rowsAt(24)[0] as ScoredRow, at(), from(1, 24)),
  ];
  expect(both.tokens).toBe(95);
  expect(both.lossSum / both.tokens).toBeCloseTo((3 * long + short) / 4, 6);
  expect(both.parts?.[0]).toBeCloseTo(long, 6);
  expect(both.parts?.[1]).toBeCloseTo(short, 6);
  const { gradient } = await one(objective, at(), 0, true);
  const slopes = await Promise.all(
    lengths.map(async (length) => one(modelObjective({ ...shared, lengths: [length] }), at(), 0, true)),
  );
  for (const pair of Array.from({ length: pairs }).keys()) {
    const [ofLong, ofShort] = slopes.map((of) => (of.gradient?.logFactors[pair] as number) / of.tokens);
    const expected = (3 * (ofLong as number) + (ofShort as number)) / 4;
    expect((gradient?.logFactors[pair] as number) / both.tokens).toBeCloseTo(expected, 5);
  }
});

it.each([0, 8])('its gradient agrees with differences of its losses, %d start tokens', async (startTokens) => {
  const objective = mixed();
  const { gradient, lossSum, short } = await one(objective, at(-1, 0, startTokens), 0, true);
  const plain = await one(objective, at(-1, 0, startTokens));
  expect(Math.abs(lossSum / plain.lossSum - 1)).toBeLessThan(1e-5);
  expect(Math.abs((short?.excess as number) - (plain.short?.excess as number))).toBeLessThan(1e-4);
  const slope = async (moved: number, of: (loss: DocumentLoss) => number) =>
    (of(await one(objective, at(moved, STEP, startTokens))) - of(await one(objective, at(moved, -STEP, startTokens)))) /
    (2 * STEP);
  for (const [ours, of] of [
    [gradient, (loss: DocumentLoss) => loss.lossSum],
    [short?.gradient, (loss: DocumentLoss) => loss.short?.excess as number],
  ] as const) {
    const { logFactors = [], logAttentionFactor = Number.NaN } = ours ?? {};
    const largest = Math.max(...logFactors.map(Math.abs), Math.abs(logAttentionFactor));
    for (const moved of [0, 1, pairs - 1, pairs]) {
      const mine = moved === pairs ? logAttentionFactor : (logFactors[moved] as number);
      expect(Math.abs(mine - (await slope(moved, of))), `coordinate ${moved}`).toBeLessThan(0.03 * largest);
    }
  }
});

it('a measure without weight is measured and not minimised', async () => {
  const objective = modelObjective({
    engine,
    geometry: model.spec.rope.geometry,
    documents,
    bosTokenId: null,
    lengths: [{ length: 96, weight: 1 }],
    measures: [
      { name: 'perplexity', weight: 1, rows: rowsAt },
      { name: 'needle', weight: 0, rows: () => needles },
    ],
  });
  const loss = await one(objective, at());
  expect(loss.lossSum / loss.tokens).toBeCloseTo(loss.parts?.[0] as number, 12);
  expect(loss.parts?.[1]).toBeCloseTo(await meanOf(needles[0] as ScoredRow, at(), from(74, 80)), 6);
});

// Released: the device took the place of another argument (defect 7).
it('factors, attention factor and start tokens all reach the model', async () => {
  const objective = mixed();
  const base = at();
  const changed = [at(2, 0.5), at(pairs, 0.1), at(-1, 0, 12)];
  const losses = await objective.evaluate([base, ...changed].map((candidate) => ({ candidate, document: 0 })));
  expect(new Set(losses.map(({ lossSum }) => lossSum)).size).toBe(4);
});

it('gives the same bits whatever the number of workers', async () => {
  const alone = await openEngine(model, { maxLength: 96, workers: 1, threads: 1 });
  try {
    const requests = [0, 1].flatMap((document) => [at(), at(1, 0.3)].map((candidate) => ({ candidate, document })));
    const [two, other] = [engine, alone].map((own) =>
      modelObjective({
        engine: own,
        geometry: model.spec.rope.geometry,
        documents,
        bosTokenId: null,
        lengths: [{ length: 96, weight: 1 }],
        measures: [{ name: 'longppl', weight: 1, rows: (length) => keyTokenRows(rowsAt(length), KEYS) }],
      }),
    ) as [Objective, Objective];
    expect(await other.evaluate(requests)).toEqual(await two.evaluate(requests));
  } finally {
    await alone.close();
  }
});
