import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { halvesToNeighbours, reorderRows } from '../../src/export/row-order.js';
import { loadModel, type Model, type NormPlacement } from '../../src/model/index.js';
import { resolveRope } from '../../src/rope/frequencies.js';
import { openCounting, randomIds } from '../helpers/engine-models.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { storedTensors, TINY_CONFIG, writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { ggufBytes, ggufTensors, llamaMetadata, type TypedValue } from '../helpers/write-gguf.js';
import type { RawTensor } from '../helpers/write-safetensors.js';

const CONFIG = { ...TINY_CONFIG, head_dim: 16, num_hidden_layers: 4 };

async function losses(model: Model): Promise<Float32Array> {
  const { engine } = await openCounting(model, 50);
  const { geometry, scaling } = model.spec.rope;
  const result = await engine.tokenLosses({
    ids: randomIds(model, 50, 1),
    rope: resolveRope(geometry, scaling, 50),
    scoreFrom: 1,
  });
  await engine.close();
  return result;
}

/** Written where a head is not hidden_size / heads wide. */
const keyLength = (architecture: string): Record<string, TypedValue> => ({
  [`${architecture}.attention.key_length`]: { u32: 16 },
  [`${architecture}.attention.value_length`]: { u32: 16 },
});

async function loadGguf(
  config: Readonly<Record<string, unknown>>,
  architecture: string,
  options: { placement?: NormPlacement; neighbours?: boolean; metadata?: Record<string, TypedValue> } = {},
): Promise<Model> {
  const reorder = (tensor: RawTensor): RawTensor => {
    if (!options.neighbours || !/[qk]_proj/.test(tensor.name)) return tensor;
    const bytes = new Uint8Array(tensor.bytes);
    const order = halvesToNeighbours(16);
    return {
      ...tensor,
      bytes: reorderRows(bytes, bytes.length / tensor.shape[0]!, order, new Uint8Array(bytes.length)),
    };
  };
  const file = path.join(await temporaryFolder(), 'model.gguf');
  const tensors = ggufTensors(storedTensors(config).map(reorder), options.placement);
  await writeFile(
    file,
    ggufBytes({ ...llamaMetadata(config, architecture), ...keyLength(architecture), ...options.metadata }, tensors),
  );
  return loadModel(file);
}

// Hugging Face's order of rows and names is what parity/architectures.test.ts compares with transformers.
it.each([
  ['qwen2', {}],
  ['qwen3', {}],
  ['phi3', {}],
  ['smollm3', { neighbours: true }],
  ['olmo2', { placement: 'after' }],
] as const)('%s computes the same from GGUF as from its Hugging Face folder', async (name, options) => {
  const config = { ...CONFIG, model_type: name };
  const folder = await temporaryFolder();
  await writeTinyCheckpoint(folder, { config });
  const model = await loadGguf(config, name, options);
  expect(model.spec.architecture).toBe(name);
  const [ours, theirs] = [await losses(model), await losses(await loadModel(folder))];
  expect(Math.max(...ours.map((loss, i) => Math.abs(loss - (theirs[i] as number))))).toBeLessThan(2e-6);
});

it('a window of 0 is none, and the one of phi3 is honoured', async () => {
  const config = { ...CONFIG, model_type: 'phi3' };
  const load = (window: number) =>
    loadGguf(config, 'phi3', { metadata: { 'phi3.attention.sliding_window': { u32: window } } });
  expect((await load(0)).spec.slidingWindow).toEqual([null, null, null, null]);
  expect((await load(12)).spec.slidingWindow).toEqual([12, 12, 12, 12]);
});

it('refuses Olmo 3, gemma and mixtral', async () => {
  const olmo3 = loadGguf({ ...CONFIG, model_type: 'olmo2' }, 'olmo2', {
    placement: 'after',
    metadata: { 'olmo2.attention.sliding_window': { u32: 12 } },
  });
  expect((await rejection(olmo3)).message).toMatch(/attention\.sliding_window: expected nothing or 0/);
  for (const name of ['gemma2', 'gemma3'])
    expect((await rejection(loadGguf(CONFIG, name))).message).toMatch(
      /general\.architecture: expected one of llama, phi3, qwen2, qwen3, smollm3, olmo2, found "gemma/,
    );
  const mixtral = loadGguf(CONFIG, 'llama', { metadata: { 'llama.expert_count': { u32: 8 } } });
  expect((await rejection(mixtral)).message).toMatch(/expert_count: expected nothing or 0, found 8/);
});
