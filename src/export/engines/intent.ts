import { UserError } from '../../errors.js';
import type { Config } from '../../model/rope-block.js';
import { parseRopeConfig } from '../../model/rope-config.js';
import type { RopeSpec } from '../../model/types.js';
import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import { rescaledRope, resolveRope } from '../../rope/frequencies.js';
import type { ResolvedRope } from '../../rope/types.js';
import { blockOf, number } from './raw-config.js';
import type { GgufSource, RopeSource } from './types.js';

/** What a file means, by the rules of docs/rope.md; `repairs`: how a contradiction was settled to get there. */
export interface Intent {
  readonly originalLength: number;
  readonly maximumLength: number;
  readonly at: (length: number) => ResolvedRope;
  readonly repairs: readonly string[];
  readonly spec?: RopeSpec;
}

/**
 * The meaning of a config, also of one that this program's loader refuses for a contradiction that has one plausible
 * reading. Undefined, and the loader's error, for a config with no single meaning.
 */
export function intentOf(source: RopeSource): { readonly intent?: Intent; readonly error?: UserError } {
  if (source.format === 'gguf') return { intent: ggufIntent(source) };
  const first = attempt(source.config, source.headDim, []);
  if (first.intent !== undefined) return first;
  const repaired = repair(source.config);
  if (repaired === undefined) return first;
  const second = attempt(repaired.config, source.headDim, repaired.repairs);
  return second.intent === undefined ? first : { ...second, ...(first.error && { error: first.error }) };
}

function attempt(config: Config, headDim: number, repairs: readonly string[]): { intent?: Intent; error?: UserError } {
  try {
    const spec = parseRopeConfig(config, { headDim });
    const intent = {
      originalLength: spec.originalLength,
      maximumLength: spec.maxPositionEmbeddings,
      at: (length: number) => resolveRope(spec.geometry, spec.scaling, length),
      repairs,
      spec,
    };
    return { intent };
  } catch (error) {
    if (error instanceof UserError) return { error };
    throw error;
  }
}

/** Settles what engines read differently: the ratio of the lengths before `factor`, mscale keys before the formula. */
function repair(config: Config): { readonly config: Config; readonly repairs: readonly string[] } | undefined {
  const name = blockOf(config['rope_scaling']) === undefined ? 'rope_parameters' : 'rope_scaling';
  const block = blockOf(config[name]);
  if (block === undefined) return undefined;
  const next: Record<string, unknown> = { ...block };
  const repairs: string[] = [];
  const parameters = blockOf(config['rope_parameters']);
  if (name === 'rope_scaling')
    for (const key of ['rope_theta', 'partial_rotary_factor'])
      if (next[key] === undefined && config[key] === undefined && parameters?.[key] !== undefined) {
        next[key] = parameters[key];
        repairs.push(`${key} taken from rope_parameters`);
      }
  const original =
    number(config['original_max_position_embeddings']) ?? number(block['original_max_position_embeddings']);
  const maximum = number(config['max_position_embeddings']);
  if ('short_factor' in block && original !== undefined && maximum !== undefined) {
    const factor = number(block['factor']);
    if (factor !== undefined && factor !== maximum / original && block['attention_factor'] === undefined) {
      delete next['factor'];
      repairs.push(`factor ${factor} set aside for max_position_embeddings / original (${maximum / original})`);
    }
    const mscale = number(block['long_mscale']);
    const formula = longropeAttentionFactor(maximum / original, original);
    if (mscale !== undefined && block['attention_factor'] === undefined && mscale !== formula) {
      next['attention_factor'] = mscale;
      delete next['short_mscale'];
      delete next['long_mscale'];
      repairs.push(`attention factor taken from long_mscale (${mscale})`);
    }
  }
  return repairs.length === 0 ? undefined : { config: { ...config, [name]: next }, repairs };
}

/** Factor tensors mean division, once; a factor beside them is the known mistake. */
function ggufIntent(source: GgufSource): Intent {
  const { theta, headDim, rotaryDim, short, long, frequencies, factor, type, originalLength, contextLength } = source;
  const geometry = { theta, headDim, rotaryDim };
  const isLinear = short === undefined && long === undefined && frequencies === undefined && type === 'linear';
  return {
    originalLength,
    maximumLength: contextLength,
    repairs: [],
    at: (length) => {
      const factors =
        (length > originalLength ? long : short) ?? frequencies ?? new Float64Array(rotaryDim / 2).fill(1);
      const scaled = isLinear ? Array.from(factors, (value) => value * factor) : factors;
      return rescaledRope(geometry, { factors: scaled, attentionFactor: source.attentionFactor, startTokens: 0 });
    },
  };
}
