import type { RopeScaling } from '../../rope/types.js';
import { hasLayerRopes, localBlock, localFrequencies } from './layer-ropes.js';
import { turnsWholeHead } from './model-class.js';
import { geometryOf, longropeTable, number, plainScaling, plainTable, ratioAttention } from './raw-config.js';
import { attentionOf, type StandardBlock, standardise } from './transformers-v5.js';
import type { ConfigSource, Engine, EngineRope, RopeSource } from './types.js';
import { mscaleLever } from './vllm.js';

/**
 * SGLang: the config class of transformers 5 and vLLM's longrope class, whose table is chosen per batch by
 * position > original: one token later than everyone else. That token falls on the first row of the long table.
 */
export const sglang: Engine = { name: 'SGLang', version: 'main on transformers 5', reads: ['config'], build };

function build(source: RopeSource, length: number): EngineRope {
  if (source.format !== 'config') return { outcome: 'unknown', reason: 'reads config.json' };
  const standard = standardise(source);
  if (standard.outcome !== 'standard') return standard;
  const { block, type, original, maximum, dropped } = standard;
  if (hasLayerRopes(source.config)) return gemma3(source, standard, length);
  if (type === 'su')
    return { outcome: 'refused', reason: 'ValueError: unknown type su', lever: 'write "rope_type": "longrope"' };
  // The class folds partial_rotary_factor into its dict, and these models look for it at top level.
  const geometry = turnsWholeHead(source.config)
    ? geometryOf(source.headDim, standard.geometry.theta, 1)
    : standard.geometry;
  const effectiveContext = contextOf(standard);
  const notes =
    effectiveContext === maximum ? [] : [`context is max_position_embeddings x factor; --context-length overrides it`];
  const rest = { effectiveContext, dropped, notes };
  if (type === 'longrope') {
    const isBoundary = length === original + 1;
    const table = length - 1 > original ? 'long' : 'short';
    const attentionFactor = number(block[`${table}_mscale`]) ?? ratioAttention(source.config, original);
    return longropeTable(geometry, block, table, {
      ...rest,
      attentionFactor,
      ...(isBoundary && {
        zeroAngleAt: original,
        notes: [...notes, `at ${length} tokens the last one is turned as position 0`],
      }),
      lever: standard.lever ?? (isBoundary ? 'none at this one length' : mscaleLever(block)),
    });
  }
  const scaling = sglangScaling(standard);
  if (scaling === 'unknown') return { outcome: 'unknown', reason: `${type} in this engine is not modelled yet` };
  if (scaling === undefined) return { outcome: 'refused', reason: `a key of rope_type ${type} is missing` };
  // One dynamic table for all lengths, as if every sequence were factor x max_position_embeddings tokens long.
  const at = scaling.type === 'dynamic' ? scaling.factor * maximum : length;
  const table = plainTable(geometry, scaling, at, { ...rest, lever: standard.lever ?? plainLever(type, block) });
  const attention = number(block['attn_factor']) ?? 1;
  return type === 'yarn' ? { ...table, attentionFactor: table.attentionFactor * attention } : table;
}

/**
 * Its gemma3 makes the tables of both kinds of layers with the functions of transformers, which it asks once and for no
 * length but with dynamic: a longrope block stays at its short list. Of the local block it takes theta alone.
 */
function gemma3({ config, headDim }: ConfigSource, standard: StandardBlock, length: number): EngineRope {
  const { block, type, geometry, original, maximum, dropped, lever } = standard;
  const theta = localBlock(config)['rope_theta'];
  const rest = {
    ...{ effectiveContext: maximum, dropped, notes: [] },
    localInverseFrequency: localFrequencies(headDim, { rope_theta: theta }),
  };
  if (type !== 'longrope') {
    const scaling = plainScaling(type, block, original, maximum);
    if (scaling === undefined) return { outcome: 'refused', reason: `KeyError: rope_type ${type} or one of its keys` };
    return plainTable(geometry, scaling, length, { ...rest, lever });
  }
  const attentionFactor = attentionOf(standard);
  const stays = 'none: its gemma3 never changes to the long factors';
  return longropeTable(geometry, block, 'short', { ...rest, attentionFactor, lever: lever ?? stays });
}

/** The dict has an original length for the types that know one, so that only the others multiply. */
function contextOf({ block, type, maximum }: StandardBlock): number {
  const hasOriginal = ['longrope', 'yarn', 'llama3'].includes(type) || 'original_max_position_embeddings' in block;
  return Math.trunc(maximum * (hasOriginal ? 1 : (number(block['factor']) ?? 1)));
}

function sglangScaling({ block, type, original, maximum }: StandardBlock): RopeScaling | 'unknown' | undefined {
  if (!['default', 'linear', 'llama3', 'yarn', 'dynamic'].includes(type) || 'alpha' in block) return 'unknown';
  // attention_factor is not among the keys it takes from a yarn block.
  const { attention_factor: _, ...read } = block;
  return plainScaling(type, read, original, maximum);
}

function plainLever(type: string, block: Readonly<Record<string, unknown>>): string | undefined {
  if (type === 'yarn' && number(block['attention_factor']) !== undefined)
    return 'write attn_factor = attention_factor / (0.1 ln factor + 1)';
  return type === 'dynamic' ? 'no lever; write the longrope factors of the length instead' : undefined;
}
