import { UserError } from '../errors.js';
import type { RopeSpec } from '../model/types.js';
import type { FactorSet } from '../rope/factor-set.js';

/**
 * A config.json with searched factors, written for readers of every age: the same block as `rope_scaling` (v4) and
 * `rope_parameters` (v5), `rope_type` and `type`, lengths at both levels (interop rule 1). `factor` is the ratio of the
 * lengths exactly, as engines disagree otherwise (rule 3). Up to the original length the model stays as trained: short
 * factors are 1, though the attention factor applies there too.
 */
export function longropeConfig(
  config: Readonly<Record<string, unknown>>,
  rope: RopeSpec,
  set: FactorSet,
  targetLength: number,
) {
  if (set.startTokens > 0)
    throw new UserError('unsupported', {
      where: 'config.json',
      expected: 'factors that apply from position 0 on, as all engines read them',
      found: `the first ${set.startTokens} tokens left unscaled`,
    });
  if (rope.geometry.rotatingPairs !== undefined)
    throw new UserError('unsupported', {
      where: 'config.json',
      expected: 'a model whose rotary pairs all turn',
      found: 'proportional RoPE, which a longrope block cannot say',
    });
  const block = {
    rope_type: 'longrope',
    type: 'longrope',
    rope_theta: rope.geometry.theta,
    ...(rope.geometry.rotaryDim < rope.geometry.headDim && {
      partial_rotary_factor: rope.geometry.rotaryDim / rope.geometry.headDim,
    }),
    factor: targetLength / rope.originalLength,
    original_max_position_embeddings: rope.originalLength,
    ...(set.attentionFactor !== null && { attention_factor: set.attentionFactor }),
    short_factor: [...set.factors].map(() => 1),
    long_factor: [...set.factors],
  };
  return {
    ...config,
    max_position_embeddings: targetLength,
    original_max_position_embeddings: rope.originalLength,
    rope_theta: rope.geometry.theta,
    rope_scaling: block,
    rope_parameters: block,
  };
}
