import type { ArchitectureDeclaration } from '../architecture.js';

/** Phi-3, Phi-3.5 and Phi-4-mini. */
export const phi3: ArchitectureDeclaration = {
  name: 'phi3',
  modelTypes: ['phi3'],
  gguf: { architectures: ['phi3'], rotaryPairing: 'half' },
  defaults: { rms_norm_eps: 1e-5 },
  activations: { silu: 'silu' },
  slidingWindow: (config) => config.sliding_window ?? null,
  storedModules: {
    'self_attn.q_proj': 'self_attn.qkv_proj',
    'self_attn.k_proj': 'self_attn.qkv_proj',
    'self_attn.v_proj': 'self_attn.qkv_proj',
    'mlp.gate_proj': 'mlp.gate_up_proj',
    'mlp.up_proj': 'mlp.gate_up_proj',
  },
  rope: { types: ['default', 'longrope'], aliases: { yarn: 'longrope' }, originalLength: 4096 },
};
