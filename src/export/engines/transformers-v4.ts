import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import {
  blockOf,
  geometryOf,
  isPhi3,
  longropeTable,
  maximumOf,
  number,
  plainScaling,
  plainTable,
  typeOf,
} from './raw-config.js';
import type { Engine, EngineRope, RopeSource } from './types.js';

/**
 * transformers 4.4x/4.5x: reads `rope_scaling` and top-level `rope_theta`, `partial_rotary_factor` and
 * `original_max_position_embeddings`; knows neither `rope_parameters` nor a theta inside a block.
 */
export const transformersV4: Engine = { name: 'transformers v4', reads: ['config'], build };

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const { config, headDim } = source;
  const maximum = maximumOf(config);
  const block = blockOf(config['rope_scaling']) ?? {};
  const ignored = blockOf(config['rope_parameters']);
  const dropped: string[] = [];
  if (ignored !== undefined && Object.keys(block).length === 0 && typeOf(ignored) !== 'default')
    dropped.push('rope_parameters (all of it: this version reads rope_scaling)');
  const theta = number(config['rope_theta']) ?? 10_000;
  const innerTheta = number(block['rope_theta']) ?? number(ignored?.['rope_theta']);
  if (config['rope_theta'] === undefined && innerTheta !== undefined && innerTheta !== theta)
    dropped.push(`rope_theta ${innerTheta} (not at top level, becomes ${theta})`);
  const geometry = geometryOf(headDim, theta, number(config['partial_rotary_factor']) ?? 1);
  const type = typeOf(block) === 'su' && isPhi3(config) ? 'longrope' : typeOf(block);
  const rest = { effectiveContext: maximum, dropped, notes: [] };

  if (type !== 'longrope') {
    const original = number(block['original_max_position_embeddings']) ?? maximum;
    const scaling = plainScaling(type, block, original, maximum);
    if (scaling === undefined) return { outcome: 'refused', reason: `KeyError: rope_type ${type} or one of its keys` };
    return plainTable(geometry, scaling, length, rest);
  }
  const top = number(config['original_max_position_embeddings']);
  const nested = number(block['original_max_position_embeddings']);
  if (top === undefined && nested !== undefined && nested !== maximum)
    dropped.push(`rope_scaling.original_max_position_embeddings ${nested} (not at top level, becomes ${maximum})`);
  const original = top ?? maximum;
  const factor = top === undefined ? number(block['factor']) : maximum / top;
  const attention = number(block['attention_factor']);
  if (attention === undefined && factor === undefined)
    return { outcome: 'refused', reason: 'TypeError: no top-level original_max_position_embeddings and no factor' };
  const attentionFactor = attention ?? longropeAttentionFactor(factor as number, original);
  return longropeTable(geometry, block, length > original ? 'long' : 'short', { ...rest, attentionFactor });
}
