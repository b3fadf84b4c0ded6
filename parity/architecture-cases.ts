type Config = Readonly<Record<string, unknown>>;

/** As if trained for so many tokens; texts of 96 and 300 lie on either side. */
export const ORIGINAL = 128;
const TARGET = 8 * ORIGINAL;
const WINDOW = 40;

export interface ArchitectureCase {
  readonly name: string;
  readonly config: Config;
  readonly rotaryPairs: number;
  readonly theta: number;
  /** RoPE keys that stand in the block of every type. */
  readonly block?: Config;
  /** RoPE types the class refuses. */
  readonly refuses?: readonly RopeType[];
  readonly byLayerType?: boolean;
}

export const ROPE_TYPES = ['default', 'linear', 'dynamic', 'yarn', 'llama3', 'longrope', 'proportional'] as const;
export type RopeType = (typeof ROPE_TYPES)[number];

const SMALL = {
  vocab_size: 200,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: ORIGINAL,
  tie_word_embeddings: false,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 0,
};
const LISTS_ONLY: readonly RopeType[] = ['linear', 'dynamic', 'yarn', 'llama3', 'proportional'];
const GEMMA = { head_dim: 32, query_pre_attn_scalar: 20, sliding_window: WINDOW, attention_bias: true };

/** Every class with all it has switched on, tiny. */
export const ARCHITECTURES: readonly ArchitectureCase[] = [
  { name: 'llama', config: { model_type: 'llama', attention_bias: true, mlp_bias: true }, rotaryPairs: 8, theta: 1e4 },
  { name: 'mistral', config: { model_type: 'mistral', sliding_window: WINDOW }, rotaryPairs: 8, theta: 1e4 },
  {
    name: 'mixtral',
    // Without head_dim its class stops at all types but default and linear (transformers 5.23).
    config: {
      model_type: 'mixtral',
      head_dim: 16,
      sliding_window: WINDOW,
      num_local_experts: 5,
      num_experts_per_tok: 2,
    },
    rotaryPairs: 8,
    theta: 1e6,
  },
  {
    name: 'phi3, 3/4 turn',
    config: {
      model_type: 'phi3',
      hidden_size: 128,
      sliding_window: WINDOW,
      original_max_position_embeddings: ORIGINAL,
    },
    rotaryPairs: 12,
    theta: 1e4,
    block: { partial_rotary_factor: 0.75 },
    refuses: LISTS_ONLY,
  },
  {
    name: 'phi3, 1/2 turns, tied',
    config: {
      model_type: 'phi3',
      hidden_size: 128,
      tie_word_embeddings: true,
      original_max_position_embeddings: ORIGINAL,
    },
    rotaryPairs: 8,
    theta: 1e4,
    block: { partial_rotary_factor: 0.5 },
    refuses: LISTS_ONLY,
  },
  {
    name: 'qwen2',
    config: { model_type: 'qwen2', use_sliding_window: true, sliding_window: WINDOW, max_window_layers: 2 },
    rotaryPairs: 8,
    theta: 1e6,
  },
  {
    name: 'qwen3',
    config: {
      model_type: 'qwen3',
      head_dim: 32,
      attention_bias: true,
      use_sliding_window: true,
      sliding_window: WINDOW,
      max_window_layers: 2,
    },
    rotaryPairs: 16,
    theta: 1e6,
  },
  {
    name: 'gemma2',
    config: { model_type: 'gemma2', ...GEMMA, attn_logit_softcapping: 2.5, final_logit_softcapping: 5.5 },
    rotaryPairs: 16,
    theta: 1e4,
  },
  {
    name: 'gemma3',
    config: { model_type: 'gemma3_text', ...GEMMA, sliding_window_pattern: 2, final_logit_softcapping: 5.5 },
    rotaryPairs: 16,
    theta: 1e6,
    byLayerType: true,
  },
  {
    name: 'smollm3',
    config: {
      model_type: 'smollm3',
      attention_bias: true,
      mlp_bias: true,
      use_sliding_window: true,
      sliding_window: WINDOW,
    },
    rotaryPairs: 8,
    theta: 2e6,
  },
  { name: 'olmo2', config: { model_type: 'olmo2', attention_bias: true }, rotaryPairs: 8, theta: 5e5 },
];

export function creationConfig({ config }: ArchitectureCase): Config {
  return { ...SMALL, ...config };
}

/** RoPE keys of one type in the words of transformers 5 or 4, to be laid over a config without any. */
export function ropeKeys(architecture: ArchitectureCase, type: RopeType, version: 4 | 5): Config {
  const { block = {}, theta, byLayerType = false } = architecture;
  const typeKeys = keysOf(type, architecture.rotaryPairs);
  const hasOriginal = 'original_max_position_embeddings' in typeKeys;
  const top = {
    max_position_embeddings: type === 'default' || type === 'dynamic' ? ORIGINAL : TARGET,
    ...(hasOriginal && !byLayerType && { original_max_position_embeddings: ORIGINAL }),
  };
  if (version === 4)
    return {
      ...top,
      ...block,
      rope_theta: theta,
      ...(byLayerType && { rope_local_base_freq: 2e4 }),
      rope_scaling: { type, rope_type: type, ...typeKeys },
    };
  const parameters = { rope_type: type, rope_theta: theta, ...block, ...typeKeys };
  const local = { rope_type: 'default', rope_theta: 2e4 };
  return {
    ...top,
    rope_parameters: byLayerType ? { full_attention: parameters, sliding_attention: local } : parameters,
  };
}

function keysOf(type: RopeType, pairs: number): Config {
  const original = { original_max_position_embeddings: ORIGINAL };
  const factors = (last: number) =>
    Array.from({ length: pairs }, (_, pair) => Number((1 + (last - 1) * (pair / (pairs - 1)) ** 2).toFixed(4)));
  switch (type) {
    case 'default':
      return {};
    case 'linear':
      return { factor: 4 };
    case 'dynamic':
      return { factor: 2 };
    case 'yarn':
      return { factor: TARGET / ORIGINAL, ...original };
    case 'llama3':
      return { factor: TARGET / ORIGINAL, low_freq_factor: 1, high_freq_factor: 4, ...original };
    case 'longrope':
      return { short_factor: factors(1.37), long_factor: factors(7.6), ...original };
    case 'proportional':
      return { factor: 2, partial_rotary_factor: 0.5 };
  }
}
