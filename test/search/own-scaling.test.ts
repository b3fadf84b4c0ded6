import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import type { Tokenizer } from '../../src/corpus/index.js';
import { loadModel } from '../../src/model/index.js';
import { headline } from '../../src/report/index.js';
import { rescaledRope } from '../../src/rope/index.js';
import { type Candidate, functionObjective, parseBudget } from '../../src/search/index.js';
import { comparedMethods } from '../../src/workflow/search-comparison.js';
import { type SearchJob, searchModel } from '../../src/workflow/search-model.js';
import { searchOutside } from '../../src/workflow/search-outside.js';
import { baselinesOf } from '../../src/workflow/search-run.js';
import { searchSpace } from '../../src/workflow/search-space.js';
import { seededRandom } from '../helpers/random.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

const TOKENIZER = { bosTokenId: null, hash: '0'.repeat(64) } as Tokenizer;
const random = seededRandom(5);
const document = (id: string) => ({ id, ids: Int32Array.from({ length: 64 }, () => Math.floor(random() * 96)) });

let folder: string;
const notices: string[] = [];
const job = (model: string, changes: Partial<SearchJob> = {}): SearchJob => ({
  modelPath: path.join(folder, model),
  tokenizer: { ...TOKENIZER, vocabularySize: 96 },
  documents: [document('a'), document('b')],
  heldOut: [document('c'), document('d')],
  textName: 'noise',
  targetLength: 64,
  algorithm: 'gradient',
  budget: parseBudget('50evals'),
  seed: 1,
  out: path.join(folder, `run of ${model}`),
  command: 'none',
  onNotice: (notice) => notices.push(notice),
  ...changes,
});

beforeEach(async () => {
  notices.length = 0;
  folder = await temporaryFolder();
  const llama3 = {
    rope_type: 'llama3',
    rope_theta: 10_000,
    factor: 2,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 32,
  };
  await writeTinyCheckpoint(path.join(folder, 'llama3'), { config: { rope_parameters: llama3 } });
  await writeTinyCheckpoint(path.join(folder, 'plain'), { config: { max_position_embeddings: 32 } });
});

it('a model with a scaling of its own is compared with as it is, and a limit is measured against that', async () => {
  const { result, view } = await searchModel(job('llama3', { shortLimit: 0.01 }));
  expect(notices).toEqual([expect.stringContaining('scaling of its own (llama3)')]);
  expect(view.notes).toContainEqual(expect.stringContaining('scaling of its own (llama3)'));
  expect(view.methods.slice(0, 2)).toMatchObject([
    { name: 'model', kind: 'unscaled' },
    { name: 'none', kind: 'baseline' },
  ]);
  expect(result.baselines?.map(({ name }) => name).slice(0, 2)).toEqual(['model', 'none']);
  const [model, none] = result.heldOut?.scores.slice(1) ?? [];
  expect([model?.name, none?.name]).toEqual(['model', 'none']);
  expect(model?.loss).not.toBe(none?.loss);
  // The model itself is exactly as far below the limit as is allowed, and the fastest pair is not scaled by it.
  const own = model?.candidate.factors ?? [];
  const kept = result.contenders.find(({ candidate }) => candidate.factors.every((factor, i) => factor === own[i]));
  expect(kept?.shortExcess).toBeCloseTo(-Math.log1p(0.01), 6);
  expect(own[0]).toBe(1);
  expect(own.at(-1)).toBe(2);
  const atOriginal = view.perplexity[0]?.comparisons.filter(({ length }) => length === 32);
  expect(atOriginal?.map(({ against }) => against)).toEqual(['model']);
  expect(headline(view).qualifications.at(-1)).toMatch(/^Inside the original 32 tokens .* of the model as it is\.$/);
});

it('an outside objective scores it too, as factors', async () => {
  const asked: Candidate[] = [];
  const objective = (name: string) =>
    functionObjective({
      documents: [{ name, tokens: 10 }],
      loss: async (candidate) => {
        asked.push(candidate);
        return { lossSum: 30 + Math.log(candidate.factors.at(-1) as number), tokens: 10 };
      },
    });
  const { view, result } = await searchOutside({
    model: path.join(folder, 'llama3'),
    open: async () => ({ name: 'f', objective: objective('a'), heldOut: objective('b') }),
    targetLength: 64,
    algorithm: 'cma-es',
    budget: parseBudget('30evals'),
    seed: 1,
    out: path.join(folder, 'outside'),
    command: 'none',
    onNotice: (notice) => notices.push(notice),
  });
  expect(notices).toEqual([expect.stringContaining('scaling of its own (llama3)')]);
  expect(view.methods[0]).toMatchObject({ name: 'model', kind: 'unscaled' });
  const own = result.baselines?.find(({ name }) => name === 'model')?.candidate;
  expect(asked.some(({ factors }) => factors.every((factor, i) => factor === own?.factors[i]))).toBe(true);
  expect(view.perplexity[0]?.series.map(({ name }) => name)).toContain('model');
});

it('base frequencies alone are no scaling', async () => {
  const { view } = await searchModel(job('plain'));
  expect(notices).toEqual([]);
  expect(view.methods[0]).toMatchObject({ name: 'none', kind: 'unscaled' });
  expect(view.methods.map(({ name }) => name)).not.toContain('model');
});

it('where a config.json cannot say which pairs do not turn, that is told before and all else is written', async () => {
  const rope_parameters = { rope_type: 'proportional', rope_theta: 10_000, partial_rotary_factor: 0.5 };
  const config = { max_position_embeddings: 32, rope_parameters };
  await writeTinyCheckpoint(path.join(folder, 'proportional'), { config });
  const { files } = await searchModel(job('proportional', { algorithm: 'cma-es' }));
  expect(notices).toEqual([expect.stringMatching(/pairs from 2 on do not turn .* config\.json is not/)]);
  expect(files.map((file) => path.basename(file))).toEqual([
    'factors.csv',
    'factors.json',
    'report.json',
    'report.html',
  ]);
});

it('what is compared at the target is what the search scores, bit for bit', async () => {
  for (const model of [path.join(folder, 'llama3'), TINY]) {
    const { spec } = await loadModel(model);
    const targetLength = 5 * spec.rope.originalLength;
    const space = await searchSpace({ spec }, { targetLength });
    const methods = comparedMethods(spec.rope, space);
    const baselines = baselinesOf(space);
    expect(baselines.length).toBeGreaterThan(4);
    for (const { name, candidate } of baselines)
      expect(methods.find((method) => method.name === name)?.rope.resolve(targetLength)).toEqual(
        rescaledRope(spec.rope.geometry, candidate),
      );
  }
});

it('a limit of nothing at all is kept by the model as it is', async () => {
  const yarn = { rope_type: 'yarn', rope_theta: 10_000, factor: 3.7, original_max_position_embeddings: 32 };
  await writeTinyCheckpoint(path.join(folder, 'yarn'), { config: { rope_parameters: yarn } });
  const { result, view } = await searchModel(job('yarn', { algorithm: 'cma-es', shortLimit: 0 }));
  expect(Math.min(...result.contenders.map(({ shortExcess = 1 }) => Math.abs(shortExcess)))).toBe(0);
  expect(result.winner.shortExcess).toBeLessThanOrEqual(0);
  expect(view.notes).toContainEqual(expect.stringMatching(/^Short limit: .* within 0 %\.$/));
});
