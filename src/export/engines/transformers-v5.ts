import type { Config } from '../../model/rope-block.js';
import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import type { RopeGeometry } from '../../rope/types.js';
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
import type { ConfigSource, Engine, EngineRope, RopeSource } from './types.js';

/** transformers 5: one dict, a non-empty `rope_scaling` before `rope_parameters`; top-level values are folded in. */
export const transformersV5: Engine = { name: 'transformers v5', reads: ['config'], build };

/** The dict after standardisation; vLLM and SGLang start from it too. */
export interface StandardBlock {
  readonly block: Config;
  readonly type: string;
  readonly geometry: RopeGeometry;
  readonly partial: number;
  readonly original: number;
  readonly maximum: number;
  readonly dropped: readonly string[];
}

export function standardise({ config, headDim }: ConfigSource): StandardBlock {
  const scaling = blockOf(config['rope_scaling']);
  const parameters = blockOf(config['rope_parameters']);
  const block = scaling ?? parameters ?? {};
  const type = typeOf(block);
  const maximum = maximumOf(config);
  const theta = number(block['rope_theta']) ?? number(config['rope_theta']) ?? 10_000;
  const lost = number(parameters?.['rope_theta']);
  const dropped =
    lost !== undefined && lost !== theta ? [`rope_parameters.rope_theta ${lost} (theta becomes ${theta})`] : [];
  const partial = number(block['partial_rotary_factor']) ?? number(config['partial_rotary_factor']) ?? 1;
  const knowsOriginal = ['longrope', 'su', 'yarn', 'llama3'].includes(type);
  const top = knowsOriginal ? number(config['original_max_position_embeddings']) : undefined;
  const original = top ?? number(block['original_max_position_embeddings']) ?? maximum;
  return { block, type, geometry: geometryOf(headDim, theta, partial), partial, original, maximum, dropped };
}

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const { block, type: written, geometry, partial, original, maximum, dropped } = standardise(source);
  const type = written === 'su' && isPhi3(source.config) ? 'longrope' : written;
  const rest = { effectiveContext: maximum, dropped, notes: [] };
  if (type === 'proportional') {
    const { headDim, theta } = geometry;
    const rotatingPairs = Math.floor((headDim * partial) / 2);
    const whole = { theta, headDim, rotaryDim: headDim, ...(rotatingPairs < headDim / 2 && { rotatingPairs }) };
    return plainTable(whole, { type, factor: number(block['factor']) ?? 1 }, length, rest);
  }
  if (type !== 'longrope') {
    const scaling = plainScaling(type, block, original, maximum);
    if (scaling === undefined) return { outcome: 'refused', reason: `KeyError: rope_type ${type} or one of its keys` };
    return plainTable(geometry, scaling, length, rest);
  }
  const attentionFactor =
    number(block['attention_factor']) ??
    longropeAttentionFactor(number(block['factor']) ?? maximum / original, original);
  return longropeTable(geometry, block, length > original ? 'long' : 'short', { ...rest, attentionFactor });
}
