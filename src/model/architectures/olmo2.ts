import type { ArchitectureDeclaration } from '../architecture.js';

export const olmo2: ArchitectureDeclaration = {
  name: 'olmo2',
  modelTypes: ['olmo2'],
  gguf: { architectures: ['olmo2'], rotaryPairing: 'half' },
  defaults: { rms_norm_eps: 1e-5 },
  activations: { silu: 'silu' },
  attentionBias: ({ attention_bias: bias }) => ({ query: bias, key: bias, value: bias, output: bias }),
  normPlacement: 'after',
  queryKeyNorm: 'projection',
  rope: { wholeHeads: true },
};
