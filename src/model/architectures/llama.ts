import type { ArchitectureDeclaration } from '../architecture.js';

export const llama: ArchitectureDeclaration = {
  name: 'llama',
  modelTypes: ['llama'],
  gguf: { architectures: ['llama'], rotaryPairing: 'adjacent' },
  activations: { silu: 'silu' },
  attentionBias: ({ attention_bias: bias }) => ({ query: bias, key: bias, value: bias, output: bias }),
  mlpBias: (config) => config.mlp_bias,
};
