import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { loadModel } from '../../../src/model/index.js';
import { readRopeSource } from '../../../src/workflow/rope-source.js';
import { writeTinyCheckpoint } from '../../helpers/tiny-checkpoint.js';
import { mutatedBytes } from '../byte-mutations.js';
import type { FuzzKind, FuzzTarget } from '../fuzz-kind.js';
import { inspectable } from '../inspectable-model.js';
import { mutatedJson } from '../json-mutations.js';
import { usable } from '../usable-model.js';

const TYPES = 'default linear dynamic yarn llama3 longrope su proportional none'.split(' ');
const BLOCKS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  default: { rope_parameters: { rope_type: 'default', rope_theta: 10_000 } },
  dynamic: { rope_scaling: { type: 'dynamic', factor: 4 }, rope_parameters: undefined, rope_theta: 10_000 },
  yarn: {
    rope_parameters: undefined,
    rope_theta: 10_000,
    rope_scaling: {
      rope_type: 'yarn',
      factor: 4,
      original_max_position_embeddings: 16,
      beta_fast: 32,
      mscale: 1,
      mscale_all_dim: 0.5,
    },
  },
  llama3: {
    rope_parameters: {
      ...{ rope_type: 'llama3', rope_theta: 10_000, factor: 8 },
      ...{ low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 16 },
    },
  },
  longrope: {
    rope_parameters: undefined,
    original_max_position_embeddings: 16,
    rope_scaling: {
      ...{ type: 'longrope', rope_type: 'longrope', rope_theta: 10_000, factor: 4, attention_factor: 1.1 },
      ...{ short_factor: [1, 1, 1, 1.5], long_factor: [1, 1.5, 2, 4] },
    },
  },
};

/** Read by inspect and not by the loader, which has no weights of such a class here. */
const GEMMA3: Readonly<Record<string, unknown>> = {
  ...{ model_type: 'gemma3_text', architectures: ['Gemma3ForCausalLM'], rope_local_base_freq: 10_000 },
  rope_scaling: { rope_type: 'linear', factor: 8 },
  rope_parameters: {
    full_attention: { rope_type: 'linear', rope_theta: 1_000_000, factor: 8 },
    sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
  },
};

/** config.json beside valid weights, with each form of RoPE block. */
export const config: FuzzKind = {
  name: 'config',
  prepare: (folder) =>
    Promise.all([
      ...Object.entries(BLOCKS).map(([name, block]) => target(path.join(folder, name), block)),
      target(path.join(folder, 'gemma3'), GEMMA3, false),
    ]),
};

async function target(folder: string, block: Readonly<Record<string, unknown>>, isLoaded = true): Promise<FuzzTarget> {
  await writeTinyCheckpoint(folder, {
    config: { num_hidden_layers: 1, vocab_size: 8, intermediate_size: 16, ...block },
  });
  const file = path.join(folder, 'config.json');
  const valid = await readFile(file);
  const values = TYPES.map((type) => `"${type}"`);
  const keys = [
    'rope_type',
    'type',
    'factor',
    'rope_theta',
    'partial_rotary_factor',
    'head_dim',
    'mscale',
    'layer_types',
  ];
  return {
    file,
    valid,
    inputs: fc.oneof(mutatedBytes(valid), {
      weight: 4,
      arbitrary: mutatedJson(JSON.parse(valid.toString()), { values, keys }),
    }),
    read: async () => {
      await inspectable(folder);
      if (isLoaded) usable(await loadModel(folder));
      else await readRopeSource(folder);
    },
  };
}
