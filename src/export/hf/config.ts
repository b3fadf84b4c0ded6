import { UserError } from '../../errors.js';
import type { RopeSpec } from '../../model/types.js';
import type { FactorSet } from '../../rope/factor-set.js';
import type { RopeGeometry } from '../../rope/types.js';
import { hasLayerRopes, localBlock } from '../engines/layer-ropes.js';
import { hasDefaultAttention, type LongropeTable, longropeTable } from '../longrope-table.js';

type Config = Readonly<Record<string, unknown>>;

/**
 * `redundant`: for readers of every age. `phi3-legacy`: what Phi3Config of transformers 4 accepts (seen in 4.57.6), a block of
 * exactly three keys.
 */
export const CONFIG_PROFILES = ['redundant', 'phi3-legacy'] as const;
export type ConfigProfile = (typeof CONFIG_PROFILES)[number];

/** Engines that read a Hugging Face folder. */
export const HF_ENGINES = ['transformers', 'vllm', 'sglang', 'onnxruntime-genai'] as const;
export type HfEngine = (typeof HF_ENGINES)[number];

/** They compute the attention factor from the lengths and read no `attention_factor`; the keys `..._mscale` overrule that. */
export const RECOMPUTING_ENGINES: readonly HfEngine[] = ['vllm', 'sglang', 'onnxruntime-genai'];

export interface LongropeConfigOptions {
  /** Default: `defaultProfile`. */
  readonly profile?: ConfigProfile;
  /** Engines the folder must be exact for; default: transformers. */
  readonly engines?: readonly HfEngine[];
}

/** `phi3-legacy` where it can say all, as every engine reads it and transformers 4 nothing else; `redundant` for the rest. */
export function defaultProfile(config: Config, table: LongropeTable): ConfigProfile {
  return config['model_type'] === 'phi3' && hasDefaultAttention(table) ? 'phi3-legacy' : 'redundant';
}

/** The config.json of a search result: long factors as found, short ones 1. */
export function longropeConfig(config: Config, rope: RopeSpec, set: FactorSet, targetLength: number) {
  return configWithLongrope(config, rope.geometry, longropeTable(rope, { name: 'the factors', set }, { targetLength }));
}

/**
 * A config.json with a longrope block, written for readers of every age: the same block as `rope_scaling` (v4) and
 * `rope_parameters` (v5), `rope_type` and `type`, lengths at both levels (interop rule 1). `factor` is the ratio of the
 * lengths exactly, as engines disagree otherwise (rule 3). An attention factor of its own is also written as
 * `short_mscale` and `long_mscale` when an engine is asked for that reads only these. Throws `UserError('unsupported')`
 * for what the profile or an engine cannot express.
 */
export function configWithLongrope(
  config: Config,
  geometry: RopeGeometry,
  table: LongropeTable,
  { profile = defaultProfile(config, table), engines = ['transformers'] }: LongropeConfigOptions = {},
): Record<string, unknown> {
  checkEngines(config, engines);
  const { originalLength, targetLength, attentionFactor } = table;
  const local = hasLayerRopes(config) ? localBlock(config) : null;
  const lists = { short_factor: [...table.short], long_factor: [...table.long] };
  const top = {
    ...config,
    max_position_embeddings: targetLength,
    original_max_position_embeddings: originalLength,
    rope_theta: geometry.theta,
    ...(local && { rope_local_base_freq: local['rope_theta'] }),
    // Its class leaves a missing head_dim at None, with which transformers 5 stops at every type but default and linear.
    ...(config['model_type'] === 'mixtral' && { head_dim: geometry.headDim }),
  };
  const partial = geometry.rotaryDim < geometry.headDim && {
    partial_rotary_factor: geometry.rotaryDim / geometry.headDim,
  };
  if (profile === 'phi3-legacy') {
    checkLegacy(config, table);
    const { rope_parameters: _, ...rest } = top as Record<string, unknown>;
    // Its block has no key for it, and transformers 5 writes it nowhere else.
    return { ...rest, ...partial, rope_scaling: { type: 'longrope', ...lists } };
  }
  const needsMscale = !hasDefaultAttention(table) && engines.some((engine) => RECOMPUTING_ENGINES.includes(engine));
  const block = {
    rope_type: 'longrope',
    type: 'longrope',
    rope_theta: geometry.theta,
    ...partial,
    factor: targetLength / originalLength,
    original_max_position_embeddings: originalLength,
    attention_factor: attentionFactor,
    ...(needsMscale && { short_mscale: attentionFactor, long_mscale: attentionFactor }),
    ...lists,
  };
  // transformers lays rope_scaling over the global block, so both say the same.
  return {
    ...top,
    rope_scaling: block,
    rope_parameters: local === null ? block : { full_attention: block, sliding_attention: local },
  };
}

function checkEngines(config: Config, engines: readonly HfEngine[]): void {
  const others = engines.filter((engine) => engine !== 'transformers' && engine !== 'vllm');
  if (others.length > 0 && hasLayerRopes(config))
    throw new UserError('unsupported', {
      where: `--engine ${others.join(', ')}`,
      expected: 'transformers or vllm, which apply both lists to global layers alone (SGLang stays at the short one)',
      found: String(config['model_type']),
    });
  if (!engines.includes('onnxruntime-genai') || config['model_type'] === 'phi3') return;
  throw new UserError('unsupported', {
    where: '--engine onnxruntime-genai',
    expected: 'a phi3 model, the only kind whose long factors its builder exports',
    found: String(config['model_type']),
    fix: 'transformers, vllm and sglang can (export hf), and llama.cpp (export gguf)',
  });
}

function checkLegacy(config: Config, table: LongropeTable): void {
  if (config['model_type'] !== 'phi3')
    throw new UserError('unsupported', {
      where: '--profile phi3-legacy',
      expected: 'a model of type phi3',
      found: String(config['model_type']),
    });
  if (!hasDefaultAttention(table))
    throw new UserError('unsupported', {
      where: '--profile phi3-legacy',
      expected: 'the attention factor that readers compute from the lengths, as its block has no key for another',
      found: `${table.attentionFactor}`,
      fix: 'leave --profile out (transformers 5, vLLM, SGLang), or export gguf for llama.cpp',
    });
}
