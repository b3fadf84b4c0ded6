import { longropeTable, number, plainScaling, plainTable, ratioAttention } from './raw-config.js';
import { standardise } from './transformers-v5.js';
import type { Engine, EngineRope, RopeSource } from './types.js';

/** SGLang: vLLM's class, but the table is chosen per batch, by position > original: one token later than everyone else. */
export const sglang: Engine = { name: 'SGLang', reads: ['config'], build };

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const { block, type: written, geometry, original, maximum, dropped } = standardise(source);
  const type = written === 'su' ? 'longrope' : written;
  const nested = number(block['original_max_position_embeddings']);
  const stretch = nested === undefined && type !== 'llama3' ? (number(block['factor']) ?? 1) : 1;
  const effectiveContext = maximum * stretch;
  const notes =
    stretch === 1
      ? []
      : [
          `context length becomes max_position_embeddings x factor = ${effectiveContext}; --context-length overrides it`,
        ];
  const rest = { effectiveContext, dropped, notes };
  if (type === 'longrope') {
    const table = length - 1 > original ? 'long' : 'short';
    const attentionFactor = number(block[`${table}_mscale`]) ?? ratioAttention(source.config, original);
    return longropeTable(geometry, block, table, { ...rest, attentionFactor });
  }
  if (!['default', 'linear', 'llama3'].includes(type))
    return { outcome: 'unknown', reason: `${type} in this engine is not modelled yet` };
  const scaling = plainScaling(type, block, original, maximum);
  if (scaling === undefined) return { outcome: 'refused', reason: `a key of rope_type ${type} is missing` };
  return plainTable(geometry, scaling, length, rest);
}
