import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../src/model/index.js';
import { formatFactorJson, parseFactorFile, resolveRope } from '../../src/rope/index.js';
import { exportGguf } from '../../src/workflow/export-gguf.js';
import { exportHf } from '../../src/workflow/export-hf.js';
import { type Inspection, inspectModel } from '../../src/workflow/inspect.js';
import { longrope } from '../helpers/cli.js';
import { rejection } from '../helpers/rejection.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';
import { ggufBytes } from '../helpers/write-gguf.js';

const verdictsOf = ({ engines }: Inspection, name: string) =>
  engines.filter(({ engine }) => engine === name).map(({ judgement }) => judgement.verdict);
const idsOf = ({ traps }: Inspection) => traps.map(({ id }) => id);
const originOf = ({ values }: Inspection, name: string) => values.find((value) => value.name === name);

async function writeConfig(config: object): Promise<string> {
  const file = path.join(await temporaryFolder(), 'config.json');
  await writeFile(file, JSON.stringify(config));
  return file;
}

const HEADS = { architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 64, num_attention_heads: 4 };

describe('values', () => {
  it('say which key, tensor or rule they come from', async () => {
    const block = { type: 'longrope', short_factor: Array(8).fill(1), long_factor: Array(8).fill(4) };
    const file = await writeConfig({
      ...HEADS,
      max_position_embeddings: 4096,
      rope_theta: 500_000,
      rope_scaling: { ...block, original_max_position_embeddings: 1024 },
    });
    const result = await inspectModel(file);
    expect(originOf(result, 'theta')).toMatchObject({
      value: 500_000,
      key: 'rope_theta',
      file: 'config.json',
      rule: null,
    });
    expect(originOf(result, 'original length')).toMatchObject({
      value: 1024,
      key: 'rope_scaling.original_max_position_embeddings',
    });
    expect(originOf(result, 'type')).toMatchObject({ value: 'longrope', key: 'rope_scaling.type' });
    expect(originOf(result, 'head size')).toMatchObject({
      value: 16,
      key: null,
      rule: 'hidden_size / num_attention_heads',
    });
    expect(originOf(result, 'factor')).toMatchObject({
      value: 4,
      key: null,
      rule: expect.stringContaining('original'),
    });
    expect(originOf(result, 'attention factor')).toMatchObject({ value: Math.sqrt(1.2), key: null });
    expect(originOf(result, 'long factors')).toMatchObject({ value: 8, key: 'rope_scaling.long_factor' });
  });

  it('of text_config are named so, and of the model class too', async () => {
    const text_config = {
      model_type: 'smollm3',
      hidden_size: 64,
      num_attention_heads: 4,
      max_position_embeddings: 512,
    };
    const result = await inspectModel(await writeConfig({ text_config }));
    expect(originOf(result, 'maximum length')?.key).toBe('text_config.max_position_embeddings');
    expect(originOf(result, 'theta')).toMatchObject({ value: 2_000_000, key: null, rule: 'default of smollm3' });
  });

  it('that were set aside say so', async () => {
    const block = { rope_type: 'longrope', short_factor: Array(8).fill(1), long_factor: Array(8).fill(4), factor: 2 };
    const config = { ...HEADS, max_position_embeddings: 4096, original_max_position_embeddings: 1024, rope_theta: 1e4 };
    const result = await inspectModel(await writeConfig({ ...config, rope_scaling: { ...block, long_mscale: 1.3 } }));
    expect(originOf(result, 'factor')?.rule).toMatch(/rope_scaling.factor 2 set aside/);
    expect(originOf(result, 'attention factor')).toMatchObject({ value: 1.3, key: 'rope_scaling.long_mscale' });
    expect(result.repairs).toHaveLength(2);
    expect(result.refusals.join()).toMatch(/factor/);
  });
});

describe('what the loader refuses for the class alone', () => {
  const heads = { ...HEADS, architectures: [], max_position_embeddings: 1024, rope_theta: 10_000 };

  it.each([
    ['qwen2', { partial_rotary_factor: 0.5 }, /partial_rotary_factor/],
    ['phi3', { rope_scaling: { type: 'linear', rope_type: 'linear', factor: 2 } }, /expected one of default, longrope/],
  ])('%s', async (type, change, refusal) => {
    const { refusals, tables } = await inspectModel(await writeConfig({ ...heads, model_type: type, ...change }));
    expect(refusals.join()).toMatch(refusal);
    expect(tables).not.toEqual([]);
    const plain = await inspectModel(await writeConfig({ ...heads, model_type: type }));
    expect(plain.refusals).toEqual([]);
  });
});

describe('a GGUF of our own', () => {
  const FACTORS = Array.from({ length: 64 }, (_, pair) => 1 + (7 * pair) / 63);

  it('is exact at any length, with the values of its tensors', async () => {
    const folder = await temporaryFolder();
    const { spec: tiny } = await loadModel(TINY);
    const pairs = tiny.rope.geometry.rotaryDim / 2;
    const factors = parseFactorFile(JSON.stringify(FACTORS.slice(0, pairs)), { rotaryPairs: pairs });
    const set = { ...factors, attentionFactor: 1.25, originalLength: tiny.rope.originalLength, targetLength: 2048 };
    const rope = path.join(folder, 'factors.json');
    await writeFile(rope, formatFactorJson(set));
    const out = path.join(folder, 'tiny.gguf');
    await exportGguf({ model: TINY, out, rope, force: false, type: null, tokenizer: false });
    const result = await inspectModel(out, [100, 256, 257, 2048]);
    expect(verdictsOf(result, 'llama.cpp')).toEqual(['exact', 'exact', 'exact', 'exact']);
    expect(result.engines.map(({ table }) => table)).toEqual(['short', 'short', 'long', 'long']);
    expect(result.tables.at(-1)?.attentionFactor).toBeCloseTo(1.25, 6);
    result.tables.at(-1)?.factors.forEach((factor, pair) => {
      expect(factor! / FACTORS[pair]!).toBeCloseTo(1, 5);
    });
    expect(originOf(result, 'long factors')).toMatchObject({ value: pairs, key: 'rope_factors_long.weight' });
    expect(originOf(result, 'attention factor')?.key).toBe('llama.rope.scaling.attn_factor');
    expect(originOf(result, 'factor')).toMatchObject({ value: 1, key: null });
    expect(idsOf(result)).toEqual([]);
    // The loader of this program, which also runs the model, reads the same tables.
    const { spec } = await loadModel(out);
    const loaded = resolveRope(spec.rope.geometry, spec.rope.scaling, 2048);
    loaded.inverseFrequency.forEach((frequency, pair) => {
      expect(result.tables.at(-1)!.inverseFrequency[pair]! / frequency).toBeCloseTo(1, 6);
    });
  });
});

/** Metadata and factor tensors of a GGUF, nothing else: inspect needs no weights. */
async function writeGguf(changes: Record<string, unknown>, lists: Record<string, number>, architecture = 'llama') {
  const all: Record<string, unknown> = {
    context_length: { u32: 1024 },
    embedding_length: { u32: 64 },
    'attention.head_count': { u32: 4 },
    'rope.freq_base': { f32: 10_000 },
    'rope.scaling.type': { string: 'longrope' },
    'rope.scaling.original_context_length': { u32: 256 },
    ...changes,
  };
  const metadata = Object.fromEntries(
    Object.entries(all)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [`${architecture}.${key}`, value]),
  );
  const tensors = Object.entries(lists).map(([name, value]) => ({
    name: `${name}.weight`,
    dtype: 'F32' as const,
    shape: [8],
    bytes: new Uint8Array(Float32Array.from({ length: 8 }, () => value).buffer),
  }));
  const file = path.join(await temporaryFolder(), 'x.gguf');
  await writeFile(file, ggufBytes({ 'general.architecture': { string: architecture }, ...metadata } as never, tensors));
  return inspectModel(file, [256, 257]);
}

describe('hostile GGUF files', () => {
  const LISTS = { rope_factors_short: 1, rope_factors_long: 4 };

  it('a factor on top of the factors', async () => {
    const result = await writeGguf({ 'rope.scaling.factor': { f32: 4 } }, LISTS);
    expect(idsOf(result)).toEqual(['gguf-factor']);
    const [, line] = result.engines;
    // Three quarters of the fastest pair's angle are missing at the last position.
    expect(line?.judgement).toMatchObject({ verdict: 'differs', pair: 0, position: 256, attentionFactorRatio: 1 });
    expect((line!.judgement as { largestAngleError: number }).largestAngleError).toBeCloseTo(256 * (1 / 4 - 1 / 16), 4);
  });

  it('factor tensors without the type', async () => {
    const result = await writeGguf({ 'rope.scaling.type': null }, LISTS);
    expect(idsOf(result)).toEqual(['gguf-type']);
    expect(verdictsOf(result, 'llama.cpp')).toEqual(['unsupported', 'unsupported']);
    expect(originOf(result, 'type')).toMatchObject({ value: 'linear', key: null });
    const phi3 = await writeGguf({ 'rope.scaling.type': null }, LISTS, 'phi3');
    expect(verdictsOf(phi3, 'llama.cpp')).toEqual(['exact', 'exact']);
  });

  it('an architecture without factors, and rope_freqs beside them', async () => {
    expect(verdictsOf(await writeGguf({}, LISTS, 'qwen2'), 'llama.cpp')).toEqual(['unsupported', 'unsupported']);
    const both = await writeGguf({}, { ...LISTS, rope_freqs: 2 });
    expect(verdictsOf(both, 'llama.cpp')).toEqual(['unsupported', 'unsupported']);
    expect(idsOf(both)).toEqual(['gguf-rope-freqs']);
  });

  it('no original length: short factors for ever', async () => {
    const result = await writeGguf({ 'rope.scaling.original_context_length': null }, LISTS);
    expect(result.engines.map(({ table }) => table)).toEqual(['short', 'short']);
    expect(idsOf(result)).toEqual(['gguf-original']);
  });

  it('yarn has its own attention factor, times attn_factor', async () => {
    const yarn = { 'rope.scaling.type': { string: 'yarn' }, 'rope.scaling.factor': { f32: 4 } };
    const result = await writeGguf({ ...yarn, 'rope.scaling.attn_factor': { f32: 0.5 } }, {});
    expect(verdictsOf(result, 'llama.cpp')).toEqual(['exact', 'exact']);
    expect(result.tables[0]?.attentionFactor).toBeCloseTo(0.5 * (0.1 * Math.log(4) + 1), 6);
  });
});

describe('published factor tables', async () => {
  const root = path.join(SHARED, 'data/factors');
  const names = (await readdir(root, { recursive: true })).filter((name) => /\.(csv|json)$/.test(name));
  const tables = names.filter((name) => name !== 'manifest.csv');
  /** Rotary pairs of a file: 48 for Phi-3, 64 for the others. */
  const pairsOf = (name: string) => (/phi3/i.test(name) ? 48 : 64);
  const models = new Map<number, string>();

  it('are there', () => {
    expect(tables.length).toBeGreaterThan(60);
  });

  it('all load, export as a config and inspect', { timeout: 30_000 }, async () => {
    const folder = await temporaryFolder();
    for (const pairs of [48, 64]) {
      models.set(pairs, path.join(folder, `model-${pairs}`));
      const size = { head_dim: 2 * pairs, hidden_size: 4 * 2 * pairs, max_position_embeddings: 4096 };
      await writeTinyCheckpoint(models.get(pairs)!, { config: { ...size, num_hidden_layers: 1 } });
    }
    const seen: string[] = [];
    for (const name of tables) {
      const pairs = pairsOf(name);
      const text = await readFile(path.join(root, name), 'utf8');
      const set = parseFactorFile(text, { rotaryPairs: pairs, name });
      const out = path.join(folder, name.replaceAll(/[^\w]/g, '-'));
      await mkdir(out);
      // Start tokens, which some tables have, are refused below; the factors are written without them.
      const plain = { ...set, startTokens: 0, originalLength: 4096, targetLength: set.targetLength ?? 131_072 };
      const file = path.join(out, 'factors.json');
      await writeFile(file, formatFactorJson(plain));
      const job = { model: models.get(pairs)!, rope: file, force: true, weights: 'none' as const };
      const to = {
        out: path.join(out, 'hf'),
        profile: 'redundant' as const,
        engines: ['transformers' as const],
        factorSets: [],
      };
      await exportHf({ ...job, ...to });
      const result = await inspectModel(to.out, [131_072]);
      result.tables[0]!.factors.forEach((factor, pair) => {
        expect(factor! / set.factors[pair]!, name).toBeCloseTo(1, 5);
      });
      expect(verdictsOf(result, 'transformers v4'), name).toEqual(['exact']);
      expect(verdictsOf(result, 'transformers v5'), name).toEqual(['exact']);
      const falls = set.factors.some((value, pair) => pair > 0 && value < set.factors[pair - 1]!);
      expect(idsOf(result).includes('factor-falls'), name).toBe(falls);
      expect(idsOf(result).includes('factor-below-1'), name).toBe(Math.min(...set.factors) < 1);
      seen.push(name);
    }
    expect(seen).toEqual(tables);
  });
});

describe('the command', () => {
  it('prints plot, origins, traps and engines, and the same as JSON', async () => {
    const file = await writeConfig({
      ...HEADS,
      max_position_embeddings: 1024,
      original_max_position_embeddings: 256,
      rope_theta: 10_000,
      rope_scaling: { type: 'su', short_factor: Array(8).fill(1), long_factor: Array(8).fill(4) },
    });
    const printed = await longrope(['inspect', file, '--length', '256,1k']);
    expect(printed.stdout).toMatch(/theta +10000 +rope_theta \(config.json\)/);
    expect(printed.stdout).toMatch(/^ {3}7 +\d\.\d+e-\d+ +\d/m);
    expect(printed.stdout).toMatch(/trap old-su: .*docs\/traps.md#old-su/);
    expect(printed.stdout).toMatch(/SGLang +1024 .*unsupported/);
    expect(printed.stdout).toMatch(/what to do:\n/);
    const { stdout } = await longrope(['inspect', file, '--length', '256,1k', '--json']);
    const result = JSON.parse(stdout) as Inspection;
    expect(result.engines).toHaveLength(12);
    expect(result.tables.map(({ length }) => length)).toEqual([256, 1024]);
    expect(verdictsOf(result, 'vLLM')).toEqual(['exact', 'exact']);
  });

  it('gives no control characters of a name to the terminal, nor do refusals', async () => {
    const folder = path.join(await temporaryFolder(), 'a\x1b[2Jb');
    await mkdir(folder);
    const missing = await longrope(['inspect', path.join(folder, 'config.json')]);
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringContaining('a\uFFFD[2Jb')]);
    await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...HEADS, max_position_embeddings: 1024 }));
    const printed = await longrope(['inspect', folder]);
    expect([printed.code, printed.stdout]).toEqual([0, expect.stringContaining('a\uFFFD[2Jb')]);
    for (const text of [missing.stderr, printed.stdout]) expect(text).not.toContain('\x1b');
  });

  it('refuses what is no config', async () => {
    expect((await rejection(inspectModel(await writeConfig({ ...HEADS })))).message).toMatch(/max_position_embeddings/);
    const odd = { ...HEADS, max_position_embeddings: 64, rope_scaling: { long_factor: [1, 'x'] } };
    expect((await rejection(inspectModel(await writeConfig(odd)))).message).toMatch(/long_factor\[1\]/);
  });
});
