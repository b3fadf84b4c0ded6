import type { Config } from '../../model/rope-block.js';
import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import { hasLayerRopes, localFrequencies } from './layer-ropes.js';
import { classOf, defaultTheta, isPhi3, turnsWholeHead } from './model-class.js';
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
import { type StandardBlock, type Standardised, standardise } from './transformers-v5.js';
import type { ConfigSource, EngineRope } from './types.js';

/** Classes whose converter writes rope_freqs for llama3, and whose GGUF is a `llama`. */
const LLAMA_CLASSES = /^(Llama|LLaMA|Mistral|Mixtral)ForCausalLM$/;
const BY_HAND = 'longrope export gguf writes what the converter leaves out';
const NO_LEVER = 'none: llama.cpp reads factors for llama, mistral and phi3 only';

/**
 * What `convert_hf_to_gguf.py` leaves of a config: it reads it through transformers' config class, and the bare file where
 * the class refuses it.
 */
export function fromConverted(source: ConfigSource, length: number): EngineRope {
  const standard = standardise(source);
  if (standard.outcome === 'unknown') return miniCpm(source, length) ?? standard;
  const read = standard.outcome === 'refused' ? bareFile(source) : standard;
  const { block, type, geometry, original, maximum, dropped, lever, localInverseFrequency } = read;
  const rest = { effectiveContext: maximum, dropped, notes: [], lever, localInverseFrequency };
  if (type === 'longrope' || type === 'su') {
    if (!isPhi3(source.config)) return withoutFactors(source, read, length);
    const attentionFactor = longropeAttentionFactor(maximum / original, original);
    return longropeTable(geometry, block, length > original ? 'long' : 'short', {
      ...rest,
      attentionFactor,
      lever: lever ?? 'set phi3.rope.scaling.attn_factor in the GGUF: longrope export gguf does',
    });
  }
  const isLlama = LLAMA_CLASSES.test(classOf(source.config));
  // Its llama writes the whole head as the rotary width, others say nothing, which means the same.
  const wholeHead = turnsWholeHead(source.config);
  const whole = wholeHead ? geometryOf(source.headDim, geometry.theta, 1) : geometry;
  if (type === 'dynamic' || (type === 'llama3' && !isLlama))
    return {
      ...plainTable(whole, { type: 'default' }, length, rest),
      dropped: [...dropped, `rope_type ${type} (its converter writes nothing for ${classOf(source.config)})`],
      lever: isLlama ? 'longrope export gguf --rope FACTORS' : NO_LEVER,
    };
  if (localInverseFrequency !== undefined && type === 'yarn')
    return { outcome: 'unknown', reason: 'what yarn does to the local layers of its gemma3 is not modelled' };
  if (!['default', 'linear', 'llama3', 'yarn'].includes(type))
    return { outcome: 'unknown', reason: `${type} in its converter is not modelled yet` };
  const scaling = plainScaling(type, converted(type, block), llama3Original(type, source.config, original), maximum);
  if (scaling === undefined) return { outcome: 'refused', reason: `a key of rope_type ${type} is missing` };
  return plainTable(whole, scaling, length, { ...rest, lever: lever ?? plainLever(type) });
}

/** Llama's converter looks for the original length of llama3 at top level alone, else takes 8192. */
function llama3Original(type: string, config: Config, original: number): number {
  return type === 'llama3' ? (number(config['original_max_position_embeddings']) ?? 8192) : original;
}

/** yarn: llama.cpp rounds the ramp and computes the attention factor, whatever `attention_factor` and the mscales say. */
function converted(type: string, block: Config): Config {
  if (type !== 'yarn') return block;
  const { attention_factor: _, mscale: __, mscale_all_dim: ___, truncate: ____, ...read } = block;
  return read;
}

function plainLever(type: string): string | undefined {
  if (type === 'yarn') return 'attention: longrope export gguf writes attn_factor; a ramp that is not rounded: none';
  return type === 'llama3' ? 'write original_max_position_embeddings at top level, or longrope export gguf' : undefined;
}

function withoutFactors(
  source: ConfigSource,
  { geometry, maximum, dropped }: StandardBlock,
  length: number,
): EngineRope {
  const isLlama = LLAMA_CLASSES.test(classOf(source.config));
  return {
    ...plainTable(geometry, { type: 'default' }, length, { effectiveContext: maximum, dropped, notes: [] }),
    dropped: [
      ...dropped,
      'short_factor, long_factor, original length, attention factor (its converter writes none of them)',
    ],
    lever: isLlama ? BY_HAND : NO_LEVER,
  };
}

/** MiniCPM: both lists are written, the original length and an attention factor are not. */
function miniCpm({ config, headDim }: ConfigSource, length: number): EngineRope | undefined {
  const block = blockOf(config['rope_scaling']) ?? {};
  if (classOf(config) !== 'MiniCPMForCausalLM' || typeOf(block) !== 'longrope') return undefined;
  const maximum = maximumOf(config);
  const geometry = geometryOf(headDim, number(config['rope_theta']) ?? defaultTheta(config), 1);
  return longropeTable(geometry, block, length > maximum ? 'long' : 'short', {
    attentionFactor: 1,
    effectiveContext: maximum,
    dropped: [],
    notes: ['its converter writes no original length: the long factors are never chosen within the context'],
    lever: 'add minicpm.rope.scaling.original_context_length and attn_factor to the GGUF',
  });
}

/** The file as the converter reads it without a config class: rope_parameters first, top-level values mirrored into it. */
function bareFile({ config, headDim }: ConfigSource): Extract<Standardised, { outcome: 'standard' }> {
  const block = blockOf(config['rope_parameters']) ?? blockOf(config['rope_scaling']) ?? {};
  const maximum = maximumOf(config);
  const topOriginal = number(config['original_max_position_embeddings']);
  const partial = number(block['partial_rotary_factor']) ?? number(config['partial_rotary_factor']) ?? 1;
  const theta = number(block['rope_theta']) ?? number(config['rope_theta']) ?? defaultTheta(config);
  return {
    outcome: 'standard',
    block,
    type: typeOf(block),
    geometry: geometryOf(headDim, theta, partial),
    partial,
    original: number(block['original_max_position_embeddings']) ?? topOriginal ?? maximum,
    topOriginal,
    maximum,
    dropped: [],
    lever: undefined,
    ...(hasLayerRopes(config) && {
      localInverseFrequency: localFrequencies(headDim, { rope_theta: 10_000, ...blockOf(block['sliding_attention']) }),
    }),
  };
}
