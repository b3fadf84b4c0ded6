import type { Config } from '../../model/rope-block.js';
import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import { hasLayerRopes, localBlock, localFrequencies, localThetaKey } from './layer-ropes.js';
import { defaultTheta, hasOwnCode, isPhi3, modelTypeOf, PHI3_DEFAULT_ORIGINAL, turnsWholeHead } from './model-class.js';
import {
  blockOf,
  geometryOf,
  longropeTable,
  maximumOf,
  nameOf,
  number,
  plainScaling,
  plainTable,
  typeOf,
} from './raw-config.js';
import type { ConfigSource, Engine, EngineRope, RopeSource } from './types.js';

/**
 * transformers 4.57: reads `rope_scaling` and top-level `rope_theta`, `partial_rotary_factor` and
 * `original_max_position_embeddings`; knows neither `rope_parameters` nor a theta inside a block.
 */
export const transformersV4: Engine = { name: 'transformers v4', version: '4.57.6', reads: ['config'], build };

/** Config classes that let `type` win over `rope_type`. */
const TYPE_WINS = ['llama', 'qwen2', 'qwen3', 'smollm3'];
const OLMO2_TYPES: readonly unknown[] = ['linear', 'dynamic'];
const TOP_LEVEL = 'write it at top level';

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const { config } = source;
  if (hasOwnCode(config)) return { outcome: 'unknown', reason: 'the model brings its own code' };
  const written = config['rope_scaling'];
  const block = blockOf(written) ?? {};
  if (isPhi3(config)) return phi3(source, block, length);
  if (written !== undefined && written !== null && block['rope_type'] === undefined && block['type'] === undefined)
    return {
      outcome: 'refused',
      reason: 'KeyError: rope_scaling without rope_type or type',
      lever: 'write "rope_scaling": null, or its type',
    };
  if (modelTypeOf(config) === 'olmo2' && Object.keys(block).length > 0) {
    const isRead = Object.keys(block).length === 2 && 'factor' in block && OLMO2_TYPES.includes(block['type']);
    if (!isRead)
      return {
        outcome: 'refused',
        reason: 'ValueError: Olmo2Config wants exactly type (linear or dynamic) and factor',
        lever: 'none: use transformers 5',
      };
  }
  const wins = TYPE_WINS.includes(modelTypeOf(config)) ? block['type'] : undefined;
  return fromBlock(source, { block, type: wins === undefined ? typeOf(block) : nameOf(wins), length });
}

/** Phi3Config takes a block of exactly three keys and its type from `type`; su and yarn are old names of longrope. */
function phi3(source: ConfigSource, block: Config, length: number): EngineRope {
  if (Object.keys(block).length === 0) return fromBlock(source, { block, type: 'default', length });
  const count = Object.keys(block).length;
  const lever = 'longrope export hf --profile phi3-legacy writes the three keys; or use transformers 5';
  if (count !== 3)
    return {
      outcome: 'refused',
      reason: `ValueError: Phi3Config wants exactly type, short_factor and long_factor, the block has ${count} keys`,
      lever,
    };
  const type = block['type'];
  if (type !== 'longrope' && type !== 'su' && type !== 'yarn')
    return { outcome: 'refused', reason: `ValueError: Phi3Config wants type longrope, found ${nameOf(type)}`, lever };
  return fromBlock(source, { block, type: 'longrope', length });
}

interface Reading {
  readonly block: Config;
  readonly type: string;
  readonly length: number;
}

function fromBlock({ config, headDim }: ConfigSource, { block, type, length }: Reading): EngineRope {
  const maximum = maximumOf(config);
  const isLayered = hasLayerRopes(config);
  const parameters = blockOf(config['rope_parameters']);
  const ignored = isLayered ? (blockOf(parameters?.['full_attention']) ?? parameters) : parameters;
  const dropped: string[] = [];
  const levers: string[] = [];
  if (ignored !== undefined && Object.keys(block).length === 0 && typeOf(ignored) !== 'default') {
    dropped.push('rope_parameters (all of it: this version reads rope_scaling)');
    levers.push('write the same object as rope_scaling');
  }
  const theta = number(config['rope_theta']) ?? defaultTheta(config);
  const innerTheta = number(block['rope_theta']) ?? number(ignored?.['rope_theta']);
  if (config['rope_theta'] === undefined && innerTheta !== undefined && innerTheta !== theta) {
    dropped.push(`rope_theta ${innerTheta} (not at top level, becomes ${theta})`);
    levers.push('write rope_theta at top level');
  }
  const localTheta = number(config['rope_local_base_freq']) ?? 10_000;
  const localKey = isLayered ? localThetaKey(config) : undefined;
  if (localKey !== undefined && localBlock(config)['rope_theta'] !== localTheta) {
    dropped.push(`${localKey} (becomes ${localTheta})`);
    levers.push('write rope_local_base_freq');
  }
  const partial = number(config['partial_rotary_factor']) ?? 1;
  if (partial < 1 && turnsWholeHead(config))
    return { outcome: 'refused', reason: 'RuntimeError: partial_rotary_factor does not fit this class' };
  const geometry = geometryOf(headDim, theta, partial);
  const lever = () => (levers.length === 0 ? undefined : levers.join('; '));
  const rest = {
    effectiveContext: maximum,
    dropped,
    notes: [],
    ...(isLayered && { localInverseFrequency: localFrequencies(headDim, { rope_theta: localTheta }) }),
  };

  if (type !== 'longrope') {
    const nestedOriginal = number(block['original_max_position_embeddings']);
    if (type === 'llama3' && nestedOriginal === undefined)
      return {
        outcome: 'refused',
        reason: 'KeyError: rope_scaling of type llama3 without original_max_position_embeddings',
        lever: 'write original_max_position_embeddings into rope_scaling',
      };
    const original = nestedOriginal ?? maximum;
    const scaling = plainScaling(type, block, original, maximum);
    if (scaling === undefined) return { outcome: 'refused', reason: `KeyError: rope_type ${type} or one of its keys` };
    return plainTable(geometry, scaling, length, { ...rest, lever: lever() });
  }
  const top =
    number(config['original_max_position_embeddings']) ?? (isPhi3(config) ? PHI3_DEFAULT_ORIGINAL : undefined);
  const nested = number(block['original_max_position_embeddings']);
  if (top === undefined && nested !== undefined && nested !== maximum) {
    dropped.push(`rope_scaling.original_max_position_embeddings ${nested} (not at top level, becomes ${maximum})`);
    levers.push('write original_max_position_embeddings at top level');
  }
  const original = top ?? maximum;
  const factor = top === undefined ? number(block['factor']) : maximum / top;
  const attention = number(block['attention_factor']);
  if (attention === undefined && factor === undefined)
    return {
      outcome: 'refused',
      reason: 'TypeError: no top-level original_max_position_embeddings and no factor',
      lever: TOP_LEVEL,
    };
  const attentionFactor = attention ?? longropeAttentionFactor(factor as number, original);
  const table = length > original ? 'long' : 'short';
  return longropeTable(geometry, block, table, { ...rest, attentionFactor, lever: lever() ?? attentionLever(block) });
}

/** The one value that this version reads and the sources of the intent may take from elsewhere. */
function attentionLever(block: Config): string | undefined {
  return block['long_mscale'] === undefined ? undefined : 'write attention_factor beside the mscale keys';
}
