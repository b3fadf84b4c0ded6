import type { ArchitectureDeclaration } from '../architecture.js';

export const mixtral: ArchitectureDeclaration = {
  name: 'mixtral',
  modelTypes: ['mixtral'],
  gguf: { architectures: [], rotaryPairing: 'adjacent' },
  defaults: { num_key_value_heads: 8, rms_norm_eps: 1e-5, num_local_experts: 8, num_experts_per_tok: 2 },
  activations: { silu: 'silu' },
  experts: (config) => ({ count: config.num_local_experts ?? 8, perToken: config.num_experts_per_tok ?? 2 }),
  slidingWindow: (config) => config.sliding_window ?? null,
  rope: { theta: 1_000_000, wholeHeads: true },
  problems: ({ num_local_experts: count = 8, num_experts_per_tok: perToken = 2 }) =>
    (perToken ?? 2) <= (count ?? 8)
      ? []
      : [{ key: 'num_experts_per_tok', expected: `at most num_local_experts (${count})`, found: `${perToken}` }],
};
