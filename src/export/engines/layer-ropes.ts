import type { Config } from '../../model/rope-block.js';
import { resolveRope } from '../../rope/frequencies.js';
import { conventionsOf } from './model-class.js';
import { blockOf, number, typeOf } from './raw-config.js';

/** The class turns global and local layers by RoPE of their own (gemma3), and only that of global layers is rescaled. */
export function hasLayerRopes(config: Config): boolean {
  return conventionsOf(config).thetaByLayerType !== undefined;
}

/** The block of global layers as Gemma3TextConfig of transformers 5 makes it: `rope_scaling` over that of the layer type. */
export function globalBlock(config: Config): Config {
  return { ...nestedBlock(config, 'full_attention'), ...blockOf(config['rope_scaling']) };
}

/** Name under which the config has a key of the global block. */
export function globalBlockName(config: Config, key: string): string {
  return key in (blockOf(config['rope_scaling']) ?? {}) ? 'rope_scaling' : 'rope_parameters.full_attention';
}

/** The block of local layers, theta included. */
export function localBlock(config: Config): Config {
  const theta = conventionsOf(config).thetaByLayerType?.sliding_attention;
  const nested = nestedBlock(config, 'sliding_attention');
  return { rope_type: 'default', rope_theta: config['rope_local_base_freq'] ?? theta, ...nested };
}

/** The same config with the RoPE of its global layers as if it were that of all. */
export function withGlobalRope(config: Config): Config {
  const { rope_scaling: _, rope_local_base_freq: __, layer_types: ___, ...rest } = config;
  return { ...rest, rope_parameters: globalBlock(config) };
}

/** Keys directly in `rope_parameters`, which the class does not read there. */
export function unreadKeys(config: Config): readonly string[] {
  const keys = Object.keys(blockOf(config['rope_parameters']) ?? {});
  return keys.filter((key) => key !== 'full_attention' && key !== 'sliding_attention');
}

/** Key that says the theta of local layers; undefined: the class does. */
export function localThetaKey(config: Config): string | undefined {
  if (number(nestedBlock(config, 'sliding_attention')['rope_theta']) !== undefined)
    return 'rope_parameters.sliding_attention.rope_theta';
  return number(config['rope_local_base_freq']) === undefined ? undefined : 'rope_local_base_freq';
}

/** Frequencies of local layers, whose scaling does not depend on the length; undefined for types that do. */
export function localFrequencies(headDim: number, block: Config): Float32Array | undefined {
  const theta = number(block['rope_theta']);
  const type = typeOf(block);
  const factor = type === 'linear' ? number(block['factor']) : 1;
  if (theta === undefined || factor === undefined || (type !== 'default' && type !== 'linear')) return undefined;
  const geometry = { theta, headDim, rotaryDim: headDim };
  return resolveRope(geometry, { type: 'linear', factor }, 1).inverseFrequency;
}

function nestedBlock(config: Config, layerType: string): Config {
  return blockOf(blockOf(config['rope_parameters'])?.[layerType]) ?? {};
}
