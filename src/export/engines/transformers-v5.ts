import type { Config } from '../../model/rope-block.js';
import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import type { RopeGeometry } from '../../rope/types.js';
import { globalBlock, hasLayerRopes, localBlock, localFrequencies, unreadKeys } from './layer-ropes.js';
import { defaultTheta, hasOwnCode, isPhi3, PHI3_DEFAULT_ORIGINAL, turnsWholeHead } from './model-class.js';
import {
  blockOf,
  geometryOf,
  longropeTable,
  maximumOf,
  number,
  plainScaling,
  plainTable,
  typeOf,
} from './raw-config.js';
import type { ConfigSource, Engine, EngineRope, RopeSource } from './types.js';

/** transformers 5: one dict, a non-empty `rope_scaling` before `rope_parameters`; top-level values are folded in. */
export const transformersV5: Engine = { name: 'transformers v5', version: '5.23.0', reads: ['config'], build };

/** The dict after standardisation; vLLM, SGLang, llama.cpp's converter and onnxruntime-genai's builder start from it too. */
export interface StandardBlock {
  readonly outcome: 'standard';
  readonly block: Config;
  /** su of classes other than Phi-3 stays su here. */
  readonly type: string;
  readonly geometry: RopeGeometry;
  readonly partial: number;
  readonly original: number;
  /** The original length as an attribute of the config: what vLLM takes as its default window. */
  readonly topOriginal: number | undefined;
  readonly maximum: number;
  readonly dropped: readonly string[];
  readonly lever: string | undefined;
  /** Frequencies of local layers, where the class has RoPE of their own for them. */
  readonly localInverseFrequency?: Float32Array | undefined;
}

export type Standardised = StandardBlock | Exclude<EngineRope, { outcome: 'built' }>;

const KNOW_ORIGINAL: readonly string[] = ['longrope', 'yarn', 'llama3'];

export function standardise(source: ConfigSource): Standardised {
  const { config, headDim } = source;
  if (hasLayerRopes(config)) return standardiseLayers(source);
  if (hasOwnCode(config)) return { outcome: 'unknown', reason: 'the model brings its own code' };
  const scaling = blockOf(config['rope_scaling']);
  const parameters = blockOf(config['rope_parameters']);
  const block = scaling ?? parameters ?? {};
  const written = typeOf(block);
  const type = isPhi3(config) && (written === 'su' || written === 'yarn') ? 'longrope' : written;
  const maximum = maximumOf(config);
  const dropped: string[] = [];
  const levers: string[] = [];

  const theta = number(block['rope_theta']) ?? number(config['rope_theta']) ?? defaultTheta(config);
  const lost = number(parameters?.['rope_theta']);
  if (lost !== undefined && lost !== theta) {
    dropped.push(`rope_parameters.rope_theta ${lost} (theta becomes ${theta})`);
    levers.push('write rope_theta inside rope_scaling');
  }
  const nested = number(block['original_max_position_embeddings']);
  const given = number(config['original_max_position_embeddings']);
  const topOriginal = given ?? (isPhi3(config) ? PHI3_DEFAULT_ORIGINAL : undefined);
  // The class looks for its length before it renames su, and validates after.
  if (isPhi3(config) && written === 'su' && nested === undefined)
    return {
      outcome: 'refused',
      reason: 'KeyError: Phi3Config of type su looks for the original length inside the block only',
      lever: 'write "type": "longrope"',
    };
  if (isPhi3(config) && given === undefined && nested !== undefined && nested !== PHI3_DEFAULT_ORIGINAL) {
    dropped.push(
      `original_max_position_embeddings ${nested} in the block (Phi3Config's own ${PHI3_DEFAULT_ORIGINAL} wins)`,
    );
    levers.push('write original_max_position_embeddings at top level too');
  }
  const original = (KNOW_ORIGINAL.includes(type) || type === 'su' ? topOriginal : undefined) ?? nested ?? maximum;
  const partial = number(block['partial_rotary_factor']) ?? number(config['partial_rotary_factor']) ?? 1;
  return {
    outcome: 'standard',
    block,
    type,
    geometry: geometryOf(headDim, theta, partial),
    partial,
    original,
    topOriginal,
    maximum,
    dropped,
    lever: levers.length === 0 ? undefined : levers.join('; '),
  };
}

/** Gemma3TextConfig: one dict per layer type, in which alone it looks for the original length. */
function standardiseLayers({ config, headDim }: ConfigSource): Standardised {
  const unread = unreadKeys(config);
  const parameters = blockOf(config['rope_parameters']);
  if (blockOf(config['rope_scaling']) !== undefined && parameters !== undefined && !('full_attention' in parameters))
    return {
      outcome: 'refused',
      reason: "KeyError: rope_scaling beside a rope_parameters without 'full_attention'",
      lever: 'leave one of them out',
    };
  const block = globalBlock(config);
  const maximum = maximumOf(config);
  const theta = number(block['rope_theta']) ?? number(config['rope_theta']) ?? defaultTheta(config);
  const topOriginal = number(config['original_max_position_embeddings']);
  const nested = number(block['original_max_position_embeddings']);
  const isLost = KNOW_ORIGINAL.includes(typeOf(block)) && nested === undefined && topOriginal !== undefined;
  return {
    outcome: 'standard',
    block,
    type: typeOf(block),
    geometry: geometryOf(headDim, theta, number(block['partial_rotary_factor']) ?? 1),
    partial: number(block['partial_rotary_factor']) ?? 1,
    original: nested ?? maximum,
    topOriginal,
    maximum,
    dropped: [
      ...(unread.length === 0 ? [] : [`rope_parameters: ${unread.join(', ')} (outside full_attention)`]),
      ...(isLost ? [`original_max_position_embeddings ${topOriginal} at top level (becomes ${maximum})`] : []),
    ],
    lever:
      [
        ...(unread.length === 0 ? [] : ['write them into rope_parameters.full_attention']),
        ...(isLost ? ['write original_max_position_embeddings into the block'] : []),
      ].join('; ') || undefined,
    localInverseFrequency: localFrequencies(headDim, localBlock(config)),
  };
}

/** Of a longrope block. */
export function attentionOf({ block, maximum, original }: StandardBlock): number {
  const factor = number(block['factor']) ?? maximum / original;
  return number(block['attention_factor']) ?? longropeAttentionFactor(factor, original);
}

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const standard = standardise(source);
  if (standard.outcome !== 'standard') return standard;
  const { block, type, partial, original, maximum, dropped, lever, localInverseFrequency } = standard;
  const rest = { effectiveContext: maximum, dropped, notes: [], lever, localInverseFrequency };
  if (type === 'proportional') {
    const { headDim, theta } = standard.geometry;
    const rotatingPairs = Math.floor((headDim * partial) / 2);
    const whole = { theta, headDim, rotaryDim: headDim, ...(rotatingPairs < headDim / 2 && { rotatingPairs }) };
    return plainTable(whole, { type, factor: number(block['factor']) ?? 1 }, length, rest);
  }
  const wholeHead = partial < 1 && turnsWholeHead(source.config);
  if (wholeHead && type !== 'default')
    return { outcome: 'refused', reason: 'RuntimeError: partial_rotary_factor does not fit this class' };
  const geometry = wholeHead ? geometryOf(source.headDim, standard.geometry.theta, 1) : standard.geometry;
  if (type !== 'longrope') {
    const scaling = plainScaling(type, block, original, maximum);
    if (scaling === undefined)
      return {
        outcome: 'refused',
        reason: `KeyError: rope_type ${type} or one of its keys`,
        ...(type === 'su' && { lever: 'write "rope_type": "longrope"' }),
      };
    return plainTable(geometry, scaling, length, rest);
  }
  const attentionFactor = attentionOf(standard);
  return longropeTable(geometry, block, length > original ? 'long' : 'short', {
    ...rest,
    attentionFactor,
    lever: lever ?? `write "factor": ${maximum / original}, or attention_factor`,
  });
}
