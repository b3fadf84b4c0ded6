import type { ArchitectureDeclaration } from '../architecture.js';

/** What gemma2 and gemma3 share. llama.cpp's converter adds 1 to the norm weights, so its files are another layout: not read. */
export const gemmaBlock = {
  gguf: { architectures: [], rotaryPairing: 'half' },
  defaults: {
    num_key_value_heads: 4,
    head_dim: 256,
    hidden_activation: 'gelu_pytorch_tanh',
    tie_word_embeddings: true,
    sliding_window: 4096,
    query_pre_attn_scalar: 256,
  },
  activations: { gelu_pytorch_tanh: 'gelu-tanh' },
  activationKey: 'hidden_activation',
  attentionBias: ({ attention_bias: bias }) => ({ query: bias, key: bias, value: bias, output: bias }),
  normPlacement: 'both',
  normOffset: 1,
  embeddingScale: (config) => Math.sqrt(config.hidden_size),
  attentionScale: (config) => (config.query_pre_attn_scalar ?? 256) ** -0.5,
  logitSoftcap: (config) => config.final_logit_softcapping ?? null,
} satisfies Partial<ArchitectureDeclaration>;
