import { classOf, longropeTable, number, plainTable, ratioAttention } from './raw-config.js';
import { standardise } from './transformers-v5.js';
import type { Engine, EngineRope, RopeSource } from './types.js';

/** onnxruntime-genai's model builder: two caches for Phi3ForCausalLM, switched by the total length (cache rewound). */
export const onnxruntimeGenai: Engine = { name: 'onnxruntime-genai', reads: ['config'], build };

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const { config } = source;
  const { block, type, geometry, original, maximum, dropped } = standardise(source);
  const rest = { effectiveContext: maximum, dropped, notes: [] };
  if (type === 'default') return plainTable(geometry, { type: 'default' }, length, rest);
  if (type !== 'longrope' && type !== 'su')
    return { outcome: 'unknown', reason: `${type} in this engine is not modelled yet` };
  if (classOf(config) !== 'Phi3ForCausalLM')
    return {
      ...plainTable(geometry, { type: 'default' }, length, rest),
      dropped: [...dropped, 'short_factor, long_factor, attention factor (two caches are for Phi3ForCausalLM only)'],
    };
  const table = length > original ? 'long' : 'short';
  const mscale = number(block[`${table}_mscale`]) ?? 0;
  return longropeTable(geometry, block, table, {
    ...rest,
    attentionFactor: mscale > 0 ? mscale : ratioAttention(config, original),
  });
}
