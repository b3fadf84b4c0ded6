import type { ArchitectureDeclaration } from '../architecture.js';
import { qwen2 } from './qwen2.js';

export const qwen3: ArchitectureDeclaration = {
  ...qwen2,
  name: 'qwen3',
  modelTypes: ['qwen3'],
  gguf: { architectures: ['qwen3'], rotaryPairing: 'half' },
  defaults: { ...qwen2.defaults, head_dim: 128 },
  attentionBias: ({ attention_bias: bias }) => ({ query: bias, key: bias, value: bias, output: bias }),
  queryKeyNorm: 'head',
};
