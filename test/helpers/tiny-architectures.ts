import { loadModel, type Model } from '../../src/model/index.js';
import { temporaryFolder } from './temporary-folder.js';
import { writeTinyCheckpoint } from './tiny-checkpoint.js';

type Config = Readonly<Record<string, unknown>>;

/** Of each architecture what sets it apart, small: windows of 12 tokens, heads of 16 that attention rotates itself. */
export const TINY_ARCHITECTURES: Readonly<Record<string, Config>> = {
  mistral: { model_type: 'mistral', sliding_window: 12 },
  qwen2: { model_type: 'qwen2', use_sliding_window: true, sliding_window: 12, max_window_layers: 1 },
  qwen3: { model_type: 'qwen3', use_sliding_window: true, sliding_window: 12, max_window_layers: 1 },
  phi3: {
    model_type: 'phi3',
    head_dim: 32,
    sliding_window: 12,
    original_max_position_embeddings: 32,
    rope_parameters: {
      rope_type: 'longrope',
      rope_theta: 10_000,
      partial_rotary_factor: 0.5,
      short_factor: [1, 1, 1, 1.1, 1.2, 1.3, 1.4, 1.5],
      long_factor: [1, 1.1, 1.3, 1.6, 2, 2, 2, 2],
    },
  },
  smollm3: { model_type: 'smollm3', num_hidden_layers: 3, no_rope_layers: [1, 0, 1] },
  olmo2: { model_type: 'olmo2' },
  mixtral: { model_type: 'mixtral', num_local_experts: 4, num_experts_per_tok: 2 },
  gemma3: {
    model_type: 'gemma3_text',
    num_hidden_layers: 3,
    hidden_activation: 'gelu_pytorch_tanh',
    sliding_window: 12,
    sliding_window_pattern: 3,
    query_pre_attn_scalar: 20,
    rope_parameters: {
      full_attention: { rope_type: 'linear', factor: 2, rope_theta: 1_000_000 },
      sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
    },
  },
  gemma2: {
    model_type: 'gemma2',
    num_hidden_layers: 3,
    hidden_activation: 'gelu_pytorch_tanh',
    sliding_window: 12,
    query_pre_attn_scalar: 20,
    attn_logit_softcapping: 2,
    final_logit_softcapping: 3,
  },
};

/** The config of a tiny model; keys of `changes` are laid over it. */
export function tinyConfig(name: string, changes: Config = {}): Config {
  const own = TINY_ARCHITECTURES[name];
  // Else it would be a llama, without what the test is about.
  if (own === undefined) throw new Error(`no tiny ${name}`);
  return { head_dim: 16, tie_word_embeddings: false, ...own, ...changes };
}

export async function loadTinyArchitecture(name: string, changes: Config = {}): Promise<Model> {
  const folder = await temporaryFolder();
  await writeTinyCheckpoint(folder, { config: tinyConfig(name, changes) });
  return loadModel(folder);
}
