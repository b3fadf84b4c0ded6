import { rescaledRope, resolveRope } from '../../rope/frequencies.js';
import {
  blockOf,
  classOf,
  geometryOf,
  longropeTable,
  maximumOf,
  number,
  plainScaling,
  plainTable,
  ratioAttention,
  typeOf,
} from './raw-config.js';
import type { ConfigSource, Engine, EngineRope, GgufSource, RopeSource } from './types.js';

/**
 * llama.cpp. For a GGUF: what it does with the file at a context of `length` tokens per sequence (`-c`). For a config: what
 * is left after its own `convert_hf_to_gguf.py`.
 */
export const llamaCpp: Engine = {
  name: 'llama.cpp',
  reads: ['config', 'gguf'],
  build: (source: RopeSource, length: number) =>
    source.format === 'gguf' ? fromGguf(source, length) : fromConfig(source, length),
};

/** Graphs that ask for factor tensors, and whether only type longrope makes them. */
const ALWAYS = ['phi3', 'phimoe'];
const WHEN_LONGROPE = ['llama', 'minicpm', 'mistral3'];

export function passesFactors({ architecture, type }: Pick<GgufSource, 'architecture' | 'type'>): boolean {
  return ALWAYS.includes(architecture) || (type === 'longrope' && WHEN_LONGROPE.includes(architecture));
}

function fromGguf(source: GgufSource, length: number): EngineRope {
  const { frequencies, short, long, type, factor, originalLength } = source;
  if (type === 'yarn') return { outcome: 'unknown', reason: 'yarn in a GGUF is not modelled yet' };
  const hasLists = short !== undefined || long !== undefined;
  const dropped: string[] = [];
  const notes: string[] = [];
  const geometry = { theta: source.theta, headDim: source.headDim, rotaryDim: source.rotaryDim };
  const isLong = length > originalLength;
  const lists = passesFactors(source) ? (isLong ? long : short) : undefined;
  if (hasLists && !passesFactors(source))
    dropped.push(
      `rope_factors_long and rope_factors_short (${source.architecture} with type ${type} passes no factors)`,
    );
  if (hasLists && frequencies !== undefined) dropped.push('rope_factors_long and rope_factors_short (rope_freqs wins)');
  const used = frequencies ?? lists;
  if (used !== undefined && used.length !== source.rotaryDim / 2)
    return { outcome: 'refused', reason: `${used.length} factors for ${source.rotaryDim / 2} rotary pairs` };
  const { inverseFrequency } =
    used === undefined
      ? resolveRope(geometry, { type: 'default' }, length)
      : rescaledRope(geometry, { factors: used, attentionFactor: 1, startTokens: 0 });
  const divisor = type === 'none' ? 1 : factor;
  if (divisor !== 1 && used !== undefined)
    notes.push(`rope.scaling.factor divides every frequency by ${divisor} again`);
  return {
    outcome: 'built',
    table: frequencies === undefined && lists !== undefined ? (isLong ? 'long' : 'short') : 'single',
    inverseFrequency: inverseFrequency.map((frequency) => frequency / divisor),
    attentionFactor: source.attentionFactor,
    effectiveContext: source.contextLength,
    dropped,
    notes,
  };
}

function fromConfig({ config, headDim }: ConfigSource, length: number): EngineRope {
  const maximum = maximumOf(config);
  const block = blockOf(config['rope_scaling']) ?? blockOf(config['rope_parameters']) ?? {};
  const written = typeOf(block);
  const type = written === 'su' ? 'longrope' : written;
  const theta = number(block['rope_theta']) ?? number(config['rope_theta']) ?? 10_000;
  const partial = number(block['partial_rotary_factor']) ?? number(config['partial_rotary_factor']) ?? 1;
  const geometry = geometryOf(headDim, theta, partial);
  const original =
    number(config['original_max_position_embeddings']) ?? number(block['original_max_position_embeddings']) ?? maximum;
  const rest = { effectiveContext: maximum, dropped: [], notes: [] };
  if (type === 'longrope') {
    if (classOf(config) === 'Phi3ForCausalLM')
      return longropeTable(geometry, block, length > original ? 'long' : 'short', {
        ...rest,
        attentionFactor: ratioAttention(config, original),
      });
    if (classOf(config).startsWith('MiniCPM')) return { outcome: 'unknown', reason: 'MiniCPM is not modelled yet' };
    return {
      ...plainTable(geometry, { type: 'default' }, length, rest),
      dropped: ['short_factor, long_factor, original length, attention factor (its converter writes none of them)'],
      notes: ['for llama and mistral use `longrope export gguf`; other architectures have no lever'],
    };
  }
  const isLlama = /^(Llama|Mistral)/.test(classOf(config));
  if (type !== 'default' && type !== 'linear' && !(type === 'llama3' && isLlama))
    return { outcome: 'unknown', reason: `${type} in its converter is not modelled yet` };
  const scaling = plainScaling(type, block, original, maximum);
  if (scaling === undefined) return { outcome: 'refused', reason: `a key of rope_type ${type} is missing` };
  return plainTable(geometry, scaling, length, rest);
}
