import type { RopeScaling } from '../../rope/types.js';
import { hasLayerRopes } from './layer-ropes.js';
import { blockOf, longropeTable, nameOf, number, plainScaling, plainTable, ratioAttention } from './raw-config.js';
import { type StandardBlock, standardise } from './transformers-v5.js';
import type { Engine, EngineRope, RopeSource } from './types.js';

/**
 * vLLM: the config class of transformers 5, then its own repairs of old names. longrope takes its table once, by
 * `max_model_len`, which is taken as the asked length, and attention from the ratio of the lengths or `short_mscale` and
 * `long_mscale`; it reads neither `factor` nor `attention_factor`.
 */
export const vllm: Engine = { name: 'vLLM', version: '0.24', reads: ['config'], build };

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const standard = standardise(source);
  if (standard.outcome !== 'standard') return standard;
  const { block, geometry, original, maximum, dropped, topOriginal, localInverseFrequency } = standard;
  const older = block['type'];
  if (older !== undefined && older !== standard.type && !(older === 'su' && standard.type === 'longrope'))
    return {
      outcome: 'refused',
      reason: `ValueError: rope_type ${standard.type} and type ${nameOf(older)} contradict each other`,
      lever: 'write the same name in both',
    };
  const type = standard.type === 'su' ? 'longrope' : standard.type;
  if (type !== 'longrope') return plain(standard, length, hasLayerRopes(source.config));
  const effectiveContext = topOriginal ?? maximum;
  const table = length > original ? 'long' : 'short';
  const attentionFactor = number(block[`${table}_mscale`]) ?? ratioAttention(source.config, original);
  const notes =
    length > effectiveContext ? [`needs --max-model-len ${length}; long factors then serve every request`] : [];
  const lever = standard.lever ?? mscaleLever(block);
  return longropeTable(geometry, block, table, {
    ...{ attentionFactor, effectiveContext, dropped, notes, lever, localInverseFrequency },
  });
}

export function mscaleLever(block: Readonly<Record<string, unknown>>): string {
  const attention = number(block['attention_factor']) ?? number(block['long_mscale']);
  return attention === undefined
    ? 'short_mscale and long_mscale in the block set the attention factor'
    : `write "short_mscale": ${attention} and "long_mscale": ${attention}`;
}

function plain(
  { block, type, geometry, original, maximum, dropped, lever, localInverseFrequency }: StandardBlock,
  length: number,
  hasLayers: boolean,
): EngineRope {
  const scaling = vllmScaling(type, block, original, maximum);
  if (scaling === 'unknown') return { outcome: 'unknown', reason: `${type} in this engine is not modelled yet` };
  if (scaling === undefined) return { outcome: 'refused', reason: `a key of rope_type ${type} is missing` };
  // Everything but llama3 multiplies; yarn starts from its original length. gemma3 is left out: its maximum is stretched already.
  const isFixed = hasLayers || type === 'llama3' || blockOf(block) === undefined;
  const stretch = isFixed ? 1 : (number(block['factor']) ?? 1);
  const effectiveContext = (type === 'yarn' && !hasLayers ? original : maximum) * stretch;
  const notes = length > effectiveContext ? [`refuses --max-model-len above ${effectiveContext}`] : [];
  const frozen = type === 'dynamic' ? 'no lever; write the longrope factors of the length instead' : undefined;
  const rest = { effectiveContext, dropped, notes, lever: lever ?? frozen, localInverseFrequency };
  return plainTable(geometry, scaling, length, rest);
}

function vllmScaling(
  type: string,
  block: Readonly<Record<string, unknown>>,
  original: number,
  maximum: number,
): RopeScaling | 'unknown' | undefined {
  if (type === 'dynamic') {
    const trained = number(block['max_trained_positions']) ?? maximum;
    const factor = number(block['factor']);
    // One table for all lengths, grown to the maximum of the config, which by default is the trained length: no growth.
    return trained === maximum && factor !== undefined ? { type: 'default' } : 'unknown';
  }
  if (!['default', 'linear', 'llama3', 'yarn'].includes(type)) return 'unknown';
  return plainScaling(type, block, original, maximum);
}
