import type { RopeScaling } from '../../rope/types.js';
import { hasLayerRopes } from './layer-ropes.js';
import { classOf, turnsWholeHead } from './model-class.js';
import { geometryOf, longropeTable, number, plainScaling, plainTable, ratioAttention } from './raw-config.js';
import { type StandardBlock, standardise } from './transformers-v5.js';
import type { Engine, EngineRope, RopeSource } from './types.js';

/** onnxruntime-genai's model builder: two caches for Phi3ForCausalLM, switched by the total length (cache rewound). */
export const onnxruntimeGenai: Engine = {
  name: 'onnxruntime-genai',
  version: '0.16.0-dev, a0c04eb',
  reads: ['config'],
  build,
};

/** Builders of dense decoders whose RoPE is that of the base class; Llama's has llama3 and nothing else. */
const BASE_ROPE = ['MistralForCausalLM', 'Qwen2ForCausalLM', 'Qwen3ForCausalLM', 'Phi3ForCausalLM'];
const NO_LEVER = 'none: its builder exports factors for Phi3ForCausalLM only';

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const standard = standardise(source);
  if (standard.outcome !== 'standard') return standard;
  const name = classOf(source.config);
  if (hasLayerRopes(source.config))
    return standard.type === 'longrope'
      ? {
          outcome: 'refused',
          reason: 'its builder makes long and short tables of Phi3ForCausalLM alone',
          lever: NO_LEVER,
        }
      : { outcome: 'unknown', reason: 'its gemma3 builder asks for rope_local_base_freq, which transformers 5 drops' };
  if (name !== 'LlamaForCausalLM' && !BASE_ROPE.includes(name))
    return {
      outcome: 'refused',
      reason: `no builder for ${name || 'a config without architectures'} is modelled here`,
    };
  const geometry = turnsWholeHead(source.config)
    ? geometryOf(source.headDim, standard.geometry.theta, 1)
    : standard.geometry;
  if (name === 'Phi3ForCausalLM' && standard.original !== standard.maximum)
    return phi3(source.config, { ...standard, geometry }, length);
  return plain(name, { ...standard, geometry }, length);
}

function phi3(config: Readonly<Record<string, unknown>>, standard: StandardBlock, length: number): EngineRope {
  const { block, geometry, original, maximum, dropped } = standard;
  if (!('short_factor' in block))
    return plainTable(geometry, { type: 'default' }, length, { effectiveContext: maximum, dropped, notes: [] });
  const policy = block['type'];
  if (policy === undefined)
    return {
      outcome: 'refused',
      reason: "KeyError: 'type' (its builder reads no rope_type)",
      lever: 'write "type" too',
    };
  const table = length > original ? 'long' : 'short';
  const mscale = number(block[`${table}_mscale`]) ?? 0;
  const ratio = maximum / original;
  const formula =
    policy === 'su' || policy === 'longrope'
      ? ratioAttention(config, original)
      : policy === 'yarn'
        ? 0.1 * Math.log(ratio) + 1
        : ratio;
  return longropeTable(geometry, block, table, {
    effectiveContext: maximum,
    dropped,
    notes: original === 4096 ? [] : [`its generator rewinds the cache at 4097 tokens, not at ${original + 1}`],
    attentionFactor: mscale > 0 ? mscale : formula,
    lever: standard.lever ?? 'write short_mscale and long_mscale, and "type": "longrope"',
  });
}

function plain(name: string, standard: StandardBlock, length: number): EngineRope {
  const { block, type, geometry, original, maximum, dropped } = standard;
  const rest = { effectiveContext: maximum, dropped, notes: [], lever: standard.lever };
  const scaling = builderScaling(name, standard);
  if (scaling === undefined)
    return {
      ...plainTable(geometry, { type: 'default' }, length, rest),
      dropped: [...dropped, `rope_type ${type} (the builder of ${name} does not read it)`],
      lever: NO_LEVER,
    };
  if (scaling.type !== 'yarn') return plainTable(geometry, scaling, length, rest);
  // mscale alone is taken as the factor itself.
  const alone = number(block['mscale']) ?? 0;
  const table = plainTable(geometry, scaling, length, rest);
  const isAlone = alone > 0 && !((number(block['mscale_all_dim']) ?? 0) > 0);
  return original > 0 && isAlone ? { ...table, attentionFactor: alone } : table;
}

function builderScaling(name: string, { block, type, original, maximum }: StandardBlock): RopeScaling | undefined {
  if (type === 'default') return { type };
  if (name === 'LlamaForCausalLM') {
    // It goes by the key, not by the type.
    return 'low_freq_factor' in block ? plainScaling('llama3', block, original, maximum) : undefined;
  }
  if (type === 'linear' && !('beta_fast' in block)) return plainScaling(type, block, original, maximum);
  if (type !== 'yarn' || !('beta_fast' in block) || !('beta_slow' in block)) return undefined;
  const { attention_factor: _, ...read } = block;
  return plainScaling('yarn', { ...read, truncate: false }, original, maximum);
}
