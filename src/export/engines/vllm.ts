import { blockOf, longropeTable, number, plainScaling, plainTable, ratioAttention } from './raw-config.js';
import { standardise } from './transformers-v5.js';
import type { Engine, EngineRope, RopeSource } from './types.js';

/**
 * vLLM since 0.11: the table is chosen once from `max_model_len`, which is taken as the asked length; attention from the
 * ratio of the lengths or from `short_mscale`/`long_mscale`. `factor` and `attention_factor` are not read for longrope.
 */
export const vllm: Engine = { name: 'vLLM', reads: ['config'], build };

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const { config } = source;
  const { block, type: written, geometry, original, maximum, dropped } = standardise(source);
  const older = block['type'];
  const names = ['su', 'longrope'];
  if (older !== undefined && older !== written && !(names.includes(String(older)) && names.includes(written)))
    return { outcome: 'refused', reason: `rope_type ${written} and type ${String(older)} contradict each other` };
  const type = written === 'su' ? 'longrope' : written;
  if (type === 'longrope') {
    const top = number(config['original_max_position_embeddings']);
    const effectiveContext = top ?? maximum;
    const table = length > original ? 'long' : 'short';
    const attentionFactor = number(block[`${table}_mscale`]) ?? ratioAttention(config, original);
    const notes =
      length > effectiveContext ? [`needs --max-model-len ${length}; long factors then serve every request`] : [];
    return longropeTable(geometry, block, table, { attentionFactor, effectiveContext, dropped, notes });
  }
  if (!['default', 'linear', 'llama3'].includes(type))
    return { outcome: 'unknown', reason: `${type} in this engine is not modelled yet` };
  const scaling = plainScaling(type, block, original, maximum);
  if (scaling === undefined) return { outcome: 'refused', reason: `a key of rope_type ${type} is missing` };
  const stretch = type === 'linear' && blockOf(block) !== undefined ? (number(block['factor']) ?? 1) : 1;
  return plainTable(geometry, scaling, length, { effectiveContext: maximum * stretch, dropped, notes: [] });
}
