import { rescaledRope, resolveRope } from '../../rope/frequencies.js';
import type { RopeScaling } from '../../rope/types.js';
import { fromConverted } from './llama-cpp-converter.js';
import type { Engine, EngineRope, GgufSource, RopeSource } from './types.js';

/**
 * llama.cpp. For a GGUF: what it does with the file at a context of `length` tokens per sequence (`-c`). For a config: what
 * is left after its own `convert_hf_to_gguf.py`.
 */
export const llamaCpp: Engine = {
  name: 'llama.cpp',
  version: 'main of mid-2026 (conversion/, PR 24833)',
  reads: ['config', 'gguf'],
  build: (source: RopeSource, length: number) =>
    source.format === 'gguf' ? fromGguf(source, length) : fromConverted(source, length),
};

/** Architectures that read factor lists whatever the type, and those that do when it is longrope. */
const READS_ALWAYS = ['phi3', 'phimoe'];
export const READS_WHEN_LONGROPE = ['llama', 'minicpm', 'mistral3', 'apertus'];
const BY_HAND = 'write the file with longrope export gguf';

export function passesFactors({ architecture, type }: Pick<GgufSource, 'architecture' | 'type'>): boolean {
  return READS_ALWAYS.includes(architecture) || (type === 'longrope' && READS_WHEN_LONGROPE.includes(architecture));
}

/** YaRN as llama.cpp applies it: ends of the ramp always rounded, attn_factor on top of its own 0.1 ln s + 1. */
export function ggufYarn(source: GgufSource): RopeScaling {
  const { factor, originalLength, betaFast, betaSlow } = source;
  return { type: 'yarn', factor, originalLength, betaFast, betaSlow, truncate: true };
}

function fromGguf(source: GgufSource, length: number): EngineRope {
  const { architecture, frequencies, short, long, type, factor, originalLength } = source;
  const hasLists = short !== undefined || long !== undefined;
  const readsLists = passesFactors(source);
  // It counts the tensors it has asked for: one that nothing asks for ends the load.
  if (hasLists && !readsLists)
    return {
      outcome: 'refused',
      reason: `wrong number of tensors: ${architecture} with type ${type} reads no rope_factors_long and rope_factors_short`,
      lever: READS_WHEN_LONGROPE.includes(architecture)
        ? `write ${architecture}.rope.scaling.type = longrope`
        : 'none: transformers, vLLM and SGLang can (export hf)',
    };
  if (frequencies !== undefined && readsLists)
    return {
      outcome: 'refused',
      reason: `wrong number of tensors: ${architecture} with type ${type} reads no rope_freqs`,
      lever: 'remove rope_freqs.weight',
    };
  const isLong = length > originalLength;
  const lists = isLong ? long : short;
  const used = frequencies ?? lists;
  if (used !== undefined && used.length !== source.rotaryDim / 2)
    return {
      outcome: 'refused',
      reason: `${used.length} factors for ${source.rotaryDim / 2} rotary pairs (wrong shape)`,
      lever: BY_HAND,
    };
  if (type === 'yarn' && used !== undefined)
    return { outcome: 'unknown', reason: 'yarn together with factor tensors is not modelled' };
  const geometry = { theta: source.theta, headDim: source.headDim, rotaryDim: source.rotaryDim };
  const rest = {
    outcome: 'built' as const,
    table: hasLists ? ((isLong ? 'long' : 'short') as 'long' | 'short') : ('single' as const),
    effectiveContext: source.contextLength,
    dropped: [],
    ...(source.localTheta !== undefined && {
      localInverseFrequency: resolveRope({ ...geometry, theta: source.localTheta }, { type: 'default' }, length)
        .inverseFrequency,
    }),
  };
  if (type === 'yarn' && source.localTheta !== undefined)
    return { outcome: 'unknown', reason: 'what yarn does to local layers is not modelled' };
  if (type === 'yarn') {
    const { inverseFrequency, attentionFactor } = resolveRope(geometry, ggufYarn(source), length);
    return { ...rest, inverseFrequency, attentionFactor: attentionFactor * source.attentionFactor, notes: [] };
  }
  const { inverseFrequency } =
    used === undefined
      ? resolveRope(geometry, { type: 'default' }, length)
      : rescaledRope(geometry, { factors: used, attentionFactor: 1, startTokens: 0 });
  const divisor = type === 'none' ? 1 : factor;
  return {
    ...rest,
    inverseFrequency: inverseFrequency.map((frequency) => frequency / divisor),
    attentionFactor: source.attentionFactor,
    notes:
      divisor !== 1 && used !== undefined ? [`rope.scaling.factor divides every frequency by ${divisor} again`] : [],
    lever: 'leave rope.scaling.factor out: longrope export gguf does; or --rope-scale 1 when running',
  };
}
