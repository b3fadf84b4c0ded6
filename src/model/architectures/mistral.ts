import type { ArchitectureDeclaration } from '../architecture.js';

/** In GGUF files mistral goes by the name llama. */
export const mistral: ArchitectureDeclaration = {
  name: 'mistral',
  modelTypes: ['mistral'],
  gguf: { architectures: [], rotaryPairing: 'adjacent' },
  defaults: { num_key_value_heads: 8, sliding_window: 4096 },
  activations: { silu: 'silu' },
  slidingWindow: (config) => config.sliding_window ?? null,
};
