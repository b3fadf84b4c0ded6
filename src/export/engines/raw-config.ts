import { describeValue } from '../../model/describe.js';
import type { Config } from '../../model/rope-block.js';
import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import { rescaledRope, resolveRope } from '../../rope/frequencies.js';
import type { RopeGeometry, RopeScaling } from '../../rope/types.js';
import { YARN_DEFAULTS } from '../../rope/yarn-ramp.js';
import type { BuiltRope, EngineRope } from './types.js';

export const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** An object with at least one key; null, absent and `{}` are no block to engines that start from transformers 5. */
export function blockOf(value: unknown): Config | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
    ? (value as Config)
    : undefined;
}

export function typeOf(block: Config): string {
  return nameOf(block['rope_type'] ?? block['type'] ?? 'default');
}

/** What stands where a name belongs; a value that is none is described. */
export function nameOf(value: unknown): string {
  return typeof value === 'string' ? value : describeValue(value);
}

export function maximumOf(config: Config): number {
  return number(config['max_position_embeddings']) ?? Number.NaN;
}

export function geometryOf(headDim: number, theta: number, partial: number): RopeGeometry {
  return { theta, headDim, rotaryDim: Math.trunc(headDim * partial) };
}

/** sqrt(1 + ln(max / original) / ln(original)), as every engine but transformers computes it whatever the config says. */
export function ratioAttention(config: Config, original: number): number {
  return longropeAttentionFactor(maximumOf(config) / original, original);
}

/** One list of a longrope block; a wrong length is a shape error in every engine. */
export function longropeTable(
  geometry: RopeGeometry,
  block: Config,
  table: 'short' | 'long',
  rest: Omit<BuiltRope, 'outcome' | 'table' | 'inverseFrequency'>,
): EngineRope {
  const pairs = geometry.rotaryDim / 2;
  for (const key of ['short_factor', 'long_factor']) {
    const list = block[key];
    if (!Array.isArray(list))
      return { outcome: 'refused', reason: `${key} is missing (KeyError)`, lever: `write ${key}` };
    if (list.length !== pairs)
      return {
        outcome: 'refused',
        reason: `${key} has ${list.length} entries for ${pairs} rotary pairs (shape error)`,
        lever: `write ${pairs} factors`,
      };
  }
  const factors = block[`${table}_factor`] as number[];
  const { inverseFrequency } = rescaledRope(geometry, { factors, attentionFactor: 1, startTokens: 0 });
  return { outcome: 'built', table, inverseFrequency, ...rest };
}

/** The scaling of the types that need no list; undefined for other types or without their numbers. */
export function plainScaling(type: string, block: Config, original: number, maximum: number): RopeScaling | undefined {
  const factor = number(block['factor']);
  if (type === 'default') return { type };
  if (factor === undefined) return undefined;
  switch (type) {
    case 'linear':
      return { type, factor };
    case 'dynamic':
      return { type, factor, maxPositionEmbeddings: maximum };
    case 'llama3': {
      const lowFreqFactor = number(block['low_freq_factor']);
      const highFreqFactor = number(block['high_freq_factor']);
      if (lowFreqFactor === undefined || highFreqFactor === undefined) return undefined;
      return { type, factor, originalLength: original, lowFreqFactor, highFreqFactor };
    }
    case 'yarn': {
      const attentionFactor = number(block['attention_factor']);
      const mscale = number(block['mscale']);
      const mscaleAllDim = number(block['mscale_all_dim']);
      return {
        type,
        factor,
        originalLength: original,
        // transformers writes `or 32`: 0 is the default too.
        betaFast: number(block['beta_fast']) || YARN_DEFAULTS.betaFast,
        betaSlow: number(block['beta_slow']) || YARN_DEFAULTS.betaSlow,
        truncate: block['truncate'] !== false,
        ...(attentionFactor !== undefined && { attentionFactor }),
        ...(mscale !== undefined && { mscale }),
        ...(mscaleAllDim !== undefined && { mscaleAllDim }),
      };
    }
    default:
      return undefined;
  }
}

export function plainTable(
  geometry: RopeGeometry,
  scaling: RopeScaling,
  length: number,
  rest: Pick<BuiltRope, 'effectiveContext' | 'dropped' | 'notes' | 'lever' | 'localInverseFrequency'>,
): BuiltRope {
  const { inverseFrequency, attentionFactor } = resolveRope(geometry, scaling, length);
  return { outcome: 'built', table: 'single', inverseFrequency, attentionFactor, ...rest };
}
