import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { loadModel, type Model, prepareWeights } from '../../src/model/index.js';
import { resolveRope } from '../../src/rope/index.js';
import { DecoderEngine } from '../../src/runtime/decoder-engine.js';
import { exportGguf } from '../../src/workflow/export-gguf.js';
import { exportHf } from '../../src/workflow/export-hf.js';
import { exportOnnx, type OnnxExportJob } from '../../src/workflow/export-onnx.js';
import { randomIds } from '../helpers/engine-models.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY_ARCHITECTURES, tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { bookTokens, TINY } from '../helpers/tiny-model.js';

const job = (model: string, out: string, change: Partial<OnnxExportJob> = {}): OnnxExportJob => ({
  model,
  out,
  rope: 'yarn:2@1.05',
  dtype: 'float32',
  logits: 'all',
  maxShardBytes: 2e9,
  ...change,
});

/** The exported file as a host runs it, with nothing but the file. */
class Host {
  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly model: Model,
  ) {}

  static async open(file: string, model: Model): Promise<Host> {
    return new Host(await ort.InferenceSession.create(file, { logSeverityLevel: 3, intraOpNumThreads: 2 }), model);
  }

  async run(
    rows: readonly (readonly number[])[],
    mask: readonly (readonly number[])[],
    past?: ort.InferenceSession.ReturnType,
  ) {
    const { layers, keyValueHeads, headDim, vocabularySize } = this.model.spec;
    const int64 = (values: readonly (readonly number[])[]) =>
      new ort.Tensor('int64', BigInt64Array.from(values.flat(), BigInt), [values.length, values[0]!.length]);
    const feeds: Record<string, ort.Tensor> = { input_ids: int64(rows), attention_mask: int64(mask) };
    for (let layer = 0; layer < layers; layer++)
      for (const what of ['key', 'value'])
        feeds[`past_key_values.${layer}.${what}`] =
          past?.[`present.${layer}.${what}`] ??
          new ort.Tensor('float32', new Float32Array(0), [rows.length, keyValueHeads, 0, headDim]);
    const outputs = await this.session.run(feeds);
    const logits = outputs['logits']!.data as Float32Array;
    const row = (index: number) => logits.subarray(index * vocabularySize, (index + 1) * vocabularySize);
    return { outputs, row, shape: outputs['logits']!.dims };
  }

  /** Greedy; the cache is thrown away where `reread` says so. */
  async generate(prompt: readonly number[], newTokens: number, reread: (length: number) => boolean): Promise<number[]> {
    const ids = [...prompt];
    let past: ort.InferenceSession.ReturnType | undefined;
    while (ids.length < prompt.length + newTokens) {
      if (reread(ids.length)) past = undefined;
      const fresh = past === undefined ? ids : ids.slice(-1);
      const { outputs, row } = await this.run([fresh], [ids.map(() => 1)], past);
      past = outputs;
      ids.push(largest(row(fresh.length - 1)));
    }
    return ids.slice(prompt.length);
  }
}

const largest = (values: Float32Array) => values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
const difference = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), a.length === b.length ? 0 : Number.NaN);

async function ours(folder: string): Promise<{ model: Model; engine: DecoderEngine }> {
  const model = await loadModel(folder);
  const weights = await prepareWeights(model);
  const config = { spec: model.spec, weights, threads: 2, cacheTokens: 1024, opens: 'plain' } as const;
  return { model, engine: await DecoderEngine.create(config) };
}

describe('export onnx of the embedded model', () => {
  it('computes what our engine computes, at both sides of the switch, and greedy tokens', async () => {
    const folder = await temporaryFolder();
    const [out, hf] = [path.join(folder, 'onnx'), path.join(folder, 'hf')];
    const { files, notes } = await exportOnnx(job(TINY, out));
    expect(files.map(({ name }) => name)).toEqual([
      'config.json',
      'genai_config.json',
      'generation_config.json',
      'onnx/model.onnx',
      'onnx/model.onnx_data',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(notes.join()).toMatch(/from 257 tokens on/);
    await exportHf({
      ...{ model: TINY, out: hf, rope: 'yarn:2@1.05', force: false, weights: 'link' },
      ...{ profile: 'redundant', engines: ['transformers'], factorSets: [] },
    });
    const { model, engine } = await ours(hf);
    const rope = (length: number) => resolveRope(model.spec.rope.geometry, model.spec.rope.scaling, length);
    const host = await Host.open(path.join(out, 'onnx/model.onnx'), model);
    const ids = [...(await bookTokens(512))];
    for (const length of [100, 256, 257, 512]) {
      const prompt = ids.slice(0, length);
      const { row } = await host.run([prompt], [prompt.map(() => 1)]);
      const at = Int32Array.of(10, length - 1);
      const expected = await engine.logits({ ids: Int32Array.from(prompt), rope: rope(length), rows: at });
      const { vocabularySize } = model.spec;
      at.forEach((position, i) => {
        const logits = expected.subarray(i * vocabularySize, (i + 1) * vocabularySize);
        expect(difference(row(position), logits), `${length} tokens`).toBeLessThan(2e-4);
      });
    }
    for (const length of [250, 300]) {
      const prompt = ids.slice(0, length);
      const [expected] = await engine.generate({
        prompts: [Int32Array.from(prompt)],
        stages: [
          { maxLength: 256, rope: rope(256) },
          { maxLength: 512, rope: rope(512) },
        ],
        maxNewTokens: 12,
        stopIds: [],
      });
      expect(await host.generate(prompt, 12, (now) => now === 257)).toEqual([...expected!]);
    }
    await engine.close();
  });

  it('takes rows of different lengths, and gives the last logits alone', async () => {
    const folder = await temporaryFolder();
    await exportOnnx(job(TINY, path.join(folder, 'all')));
    const small = { dtype: 'float16', logits: 'last', maxShardBytes: 3e6 } as const;
    const { files } = await exportOnnx(job(TINY, path.join(folder, 'last'), small));
    const data = files.filter(({ name }) => name.includes('_data')).map(({ name }) => name);
    expect(data.slice(0, 2)).toEqual(['onnx/model_fp16.onnx_data', 'onnx/model_fp16.onnx_data_1']);
    const config = JSON.parse(await readFile(path.join(folder, 'last/config.json'), 'utf8')) as Record<string, object>;
    expect(config['transformers.js_config']).toEqual({ use_external_data_format: data.length });

    const model = await loadModel(TINY);
    const all = await Host.open(path.join(folder, 'all/onnx/model.onnx'), model);
    const last = await Host.open(path.join(folder, 'last/onnx/model_fp16.onnx'), model);
    const ids = [...(await bookTokens(60))];
    const padded = [ids.slice(0, 40), [...ids.slice(20, 50), ...Array.from({ length: 10 }, () => 0)]];
    const mask = padded.map((_, row) => Array.from({ length: 40 }, (__, i) => (row === 0 || i < 30 ? 1 : 0)));
    const alone = await all.run([padded[1]!.slice(0, 30)], [mask[1]!.slice(0, 30)]);
    const together = await all.run(padded, mask);
    // The tiny model is stored as float16, so both types hold the same weights.
    const lastOnly = await last.run(padded, mask);
    expect(lastOnly.shape).toEqual([2, 1, 4096]);
    expect(difference(together.row(40 + 29), alone.row(29))).toBeLessThan(1e-5);
    expect(difference(lastOnly.row(0), together.row(39))).toBeLessThan(1e-5);
    expect(difference(lastOnly.row(1), together.row(40 + 29))).toBeLessThan(1e-5);
    const step = await last.run(
      [[5], [6]],
      mask.map((row) => [...row, 1]),
      lastOnly.outputs,
    );
    expect(step.shape).toEqual([2, 1, 4096]);
  });

  it.each([8, 16])('goes on with rows of different lengths as with each alone, heads of %i', async (headDim) => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source, { config: { head_dim: headDim } });
    const out = path.join(folder, 'out');
    await exportOnnx(job(source, out, { rope: 'yarn:2' }));
    const model = await loadModel(source);
    const host = await Host.open(path.join(out, 'onnx/model.onnx'), model);
    const ids = [...randomIds(model, 24, 3)];
    const told = [ids.slice(0, 12), ids.slice(12, 19)];
    /** Ones for each row's own tokens, in front of zeros. */
    const maskOf = (length: number) => told.map((row) => Array.from({ length }, (_, i) => (i < row.length ? 1 : 0)));
    const padded = told.map((row) => [...row, ...Array.from({ length: 12 - row.length }, () => 0)]);
    let past = (await host.run(padded, maskOf(12))).outputs;
    let largest = 0;
    for (const length of [13, 14]) {
      for (const [r, row] of told.entries()) row.push(ids[length + 5 + r] as number);
      const step = await host.run(
        told.map((row) => row.slice(-1)),
        maskOf(length),
        past,
      );
      past = step.outputs;
      for (const [r, row] of told.entries()) {
        const alone = await host.run([row], [row.map(() => 1)]);
        largest = Math.max(largest, difference(step.row(r), alone.row(row.length - 1)));
      }
    }
    expect(largest).toBeLessThan(1e-4);
  });

  it('of a GGUF, and of the model with its own RoPE', async () => {
    const folder = await temporaryFolder();
    const gguf = path.join(folder, 'tiny.gguf');
    await exportGguf({ model: TINY, out: gguf, rope: 'yarn:2', force: false, type: null, tokenizer: true });
    const model = await loadModel(TINY);
    const ids = [...(await bookTokens(300))];
    const rows: Float32Array[] = [];
    for (const [name, source, rope] of [
      ['a', gguf, 'model'],
      ['b', TINY, 'yarn:2'],
    ] as const) {
      await exportOnnx(job(source, path.join(folder, name), { rope }));
      const host = await Host.open(path.join(folder, name, 'onnx/model.onnx'), model);
      rows.push((await host.run([ids], [ids.map(() => 1)])).row(299).slice());
    }
    expect(difference(rows[0]!, rows[1]!)).toBeLessThan(1e-4);
  });
});

/** Their own RoPE; phi3's changes its table at 32 tokens. */
describe.each(Object.keys(TINY_ARCHITECTURES))('export onnx of %s', (name) => {
  it('computes what our engine computes', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    await writeTinyCheckpoint(source, { config: tinyConfig(name) });
    await exportOnnx(job(source, path.join(folder, 'out'), { rope: 'model' }));
    const { model, engine } = await ours(source);
    const host = await Host.open(path.join(folder, 'out/onnx/model.onnx'), model);
    const ids = [...randomIds(model, 60, 1)];
    for (const length of [20, 60]) {
      const prompt = ids.slice(0, length);
      const { geometry, scaling } = model.spec.rope;
      const expected = await engine.logits({
        ids: Int32Array.from(prompt),
        rope: resolveRope(geometry, scaling, length),
        rows: Int32Array.of(length - 1),
      });
      const { row } = await host.run([prompt], [prompt.map(() => 1)]);
      expect(difference(row(length - 1), expected), `${length} tokens`).toBeLessThan(1e-5);
    }
    await engine.close();
  });
});

describe('export onnx refuses', () => {
  it('RoPE without a table, and leaves nothing', async () => {
    const folder = await temporaryFolder();
    const source = path.join(folder, 'source');
    const rope_parameters = { rope_type: 'dynamic', factor: 2, rope_theta: 10_000 };
    await writeTinyCheckpoint(source, { config: { rope_parameters } });
    const error = await rejection(exportOnnx(job(source, path.join(folder, 'out'), { rope: 'model' })));
    expect(error.message).toMatch(/dynamic.*transformers/);
    expect(await readdir(folder)).toEqual(['source']);
    expect((await rejection(exportOnnx(job(source, folder)))).message).toMatch(/is empty/);
  });
});
