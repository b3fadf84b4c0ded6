import { type Problem, UserError } from '../errors.js';
import { factorVector } from '../rope/factor-vector.js';
import type { RopeGeometry, RopeScaling } from '../rope/types.js';
import { YARN_DEFAULTS } from '../rope/yarn-ramp.js';
import { describeValue } from './describe.js';
import type { RopeSpec } from './types.js';

const DEFAULT_THETA = 10_000;
const TYPES = ['default', 'linear', 'dynamic', 'yarn', 'longrope', 'llama3', 'proportional'] as const;

/** Names that older configs used, and what they mean. */
const ALIASES: Readonly<Record<string, string>> = { su: 'longrope', none: 'default' };

type Config = Readonly<Record<string, unknown>>;

/**
 * RoPE of a Hugging Face config, keys of transformers v4 (`rope_scaling`, top-level `rope_theta`) and v5
 * (`rope_parameters`), with v5's precedence: the dict, then the top level, then the default; a top-level
 * `original_max_position_embeddings` overrides the one in the dict. Where the reference warns and computes something
 * else, this refuses: missing keys, wrong list lengths and wrong numbers, all at once.
 */
export function parseRopeConfig(config: Config, { headDim }: { readonly headDim: number }): RopeSpec {
  const reader = new KeyReader(config);
  const theta = reader.number('rope_theta', (value) => value > 1, 'a number above 1') ?? DEFAULT_THETA;
  const partial = reader.number('partial_rotary_factor', (value) => value > 0 && value <= 1, 'a number in (0, 1]') ?? 1;
  const rotaryDim = Math.trunc(headDim * partial);
  if (rotaryDim < 2 || rotaryDim % 2 !== 0)
    reader.problem('partial_rotary_factor', 'an even rotary width', `${rotaryDim} of head size ${headDim}`);
  const maximum = reader.required('max_position_embeddings', ...POSITIVE_WHOLE);
  const type = reader.type();
  const original = reader.originalLength(type) ?? maximum;
  const scaling = type === null ? null : scalingOf(type, reader, { original, maximum, rotaryPairs: Math.floor(rotaryDim / 2) });
  reader.refuse();
  const geometry: RopeGeometry = { theta, headDim, rotaryDim };
  const keepsOriginal = type === 'longrope' || type === 'yarn' || type === 'llama3';
  return {
    geometry,
    scaling: scaling as RopeScaling,
    originalLength: (keepsOriginal ? original : maximum) as number,
    maxPositionEmbeddings: maximum as number,
  };
}

const POSITIVE_WHOLE = [(value: number) => Number.isSafeInteger(value) && value > 0, 'a positive whole number'] as const;
const SCALE = [(value: number) => value >= 1, 'a number of at least 1'] as const;
const POSITIVE = [(value: number) => value > 0, 'a number above 0'] as const;

interface Lengths {
  readonly original: number | null;
  readonly maximum: number | null;
  readonly rotaryPairs: number;
}

/** Null where a problem was noted. */
function scalingOf(type: RopeScaling['type'], reader: KeyReader, { original, maximum, rotaryPairs }: Lengths): RopeScaling | null {
  if (original === null || maximum === null) return null;
  switch (type) {
    case 'default':
      return { type };
    case 'linear': {
      const factor = reader.required('factor', ...SCALE);
      return factor === null ? null : { type, factor };
    }
    case 'proportional':
      return { type, factor: reader.number('factor', ...SCALE) ?? 1 };
    case 'dynamic': {
      const factor = reader.required('factor', ...SCALE);
      return factor === null ? null : { type, factor, maxPositionEmbeddings: maximum };
    }
    case 'yarn': {
      const factor = reader.required('factor', ...SCALE);
      if (factor === null) return null;
      return {
        type,
        factor,
        originalLength: original,
        betaFast: reader.number('beta_fast', ...POSITIVE) ?? YARN_DEFAULTS.betaFast,
        betaSlow: reader.number('beta_slow', ...POSITIVE) ?? YARN_DEFAULTS.betaSlow,
        truncate: reader.flag('truncate') ?? YARN_DEFAULTS.truncate,
        ...optional('attentionFactor', reader.number('attention_factor', ...POSITIVE)),
        ...optional('mscale', reader.number('mscale', (value) => value >= 0, 'a number of at least 0')),
        ...optional('mscaleAllDim', reader.number('mscale_all_dim', (value) => value >= 0, 'a number of at least 0')),
      };
    }
    case 'llama3': {
      const factor = reader.required('factor', ...SCALE);
      const lowFreqFactor = reader.required('low_freq_factor', ...POSITIVE);
      const highFreqFactor = reader.required('high_freq_factor', ...POSITIVE);
      if (factor === null || lowFreqFactor === null || highFreqFactor === null) return null;
      if (highFreqFactor <= lowFreqFactor)
        reader.problem('high_freq_factor', `a number above low_freq_factor (${lowFreqFactor})`, `${highFreqFactor}`);
      return { type, factor, originalLength: original, lowFreqFactor, highFreqFactor };
    }
    case 'longrope': {
      const shortFactor = reader.factors('short_factor', rotaryPairs);
      const longFactor = reader.factors('long_factor', rotaryPairs);
      const factor = reader.longropeFactor(original, maximum);
      const attentionFactor = reader.number('attention_factor', ...POSITIVE);
      if (shortFactor === null || longFactor === null) return null;
      return { type, shortFactor, longFactor, originalLength: original, factor, ...optional('attentionFactor', attentionFactor) };
    }
  }
}

function optional<K extends string>(key: K, value: number | null): { readonly [key in K]?: number } {
  return value === null ? {} : ({ [key]: value } as { [key in K]: number });
}

/** Reads keys of the RoPE block, then of the top level, and collects what is wrong with them. */
class KeyReader {
  readonly #config: Config;
  readonly #block: Config;
  readonly #blockName: string;
  readonly #problems: Problem[] = [];

  constructor(config: Config) {
    this.#config = config;
    // v5 prefers a legacy rope_scaling over rope_parameters when a config has both.
    this.#blockName = isRecord(config['rope_scaling']) ? 'rope_scaling' : 'rope_parameters';
    const block = config[this.#blockName];
    this.#block = isRecord(block) ? block : {};
    for (const name of ['rope_scaling', 'rope_parameters']) {
      const value = config[name];
      if (value !== undefined && value !== null && !isRecord(value))
        this.#problems.push({ where: name, expected: 'an object or null', found: describeValue(value) });
    }
    if (this.#block['rope_type'] === undefined && Object.values(this.#block).some(isRecord))
      throw new UserError('unsupported', {
        where: this.#blockName,
        expected: 'one RoPE for all layers',
        found: `one per layer type (${Object.keys(this.#block).join(', ')})`,
      });
  }

  type(): RopeScaling['type'] | null {
    const named = this.#block['rope_type'] ?? this.#block['type'] ?? 'default';
    const type = typeof named === 'string' ? (ALIASES[named] ?? named) : named;
    if ((TYPES as readonly unknown[]).includes(type)) return type as RopeScaling['type'];
    this.problem('rope_type', TYPES.join(', '), describeValue(named));
    return null;
  }

  /** A top-level value wins, as in the reference, for the types that know an original length. */
  originalLength(type: RopeScaling['type'] | null): number | null {
    if (type !== 'longrope' && type !== 'yarn' && type !== 'llama3') return null;
    const key = 'original_max_position_embeddings';
    const [valid, expected] = POSITIVE_WHOLE;
    return this.#check(key, this.#config[key] ?? this.#block[key], valid, expected);
  }

  /** transformers v4 takes max / original, v5 an explicit `factor`: refused unless they agree (interop rule 3). */
  longropeFactor(original: number, maximum: number): number {
    const ratio = maximum / original;
    const factor = this.number('factor', ...SCALE);
    if (factor === null) return ratio;
    if (ratio > 1 && Math.abs(factor - ratio) > 1e-6 * ratio)
      this.problem('factor', `${ratio} = max_position_embeddings / original_max_position_embeddings, as engines disagree otherwise`, `${factor}`);
    return factor;
  }

  factors(key: string, rotaryPairs: number) {
    const value = this.#block[key];
    const where = `${this.#blockName}.${key}`;
    if (!Array.isArray(value)) {
      this.problem(key, `a list of ${rotaryPairs} numbers`, describeValue(value));
      return null;
    }
    try {
      return factorVector(value.map((entry) => (typeof entry === 'number' ? entry : Number.NaN)), rotaryPairs, where);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#problems.push(...error.problems);
      return null;
    }
  }

  required(key: string, valid: (value: number) => boolean, expected: string): number | null {
    const value = this.number(key, valid, expected);
    if (value === null && this.#value(key) === undefined) this.problem(key, expected, 'nothing');
    return value;
  }

  /** Null when absent or wrong. */
  number(key: string, valid: (value: number) => boolean, expected: string): number | null {
    return this.#check(key, this.#value(key), valid, expected);
  }

  flag(key: string): boolean | null {
    const value = this.#value(key);
    if (typeof value === 'boolean') return value;
    if (value !== undefined) this.problem(key, 'true or false', describeValue(value));
    return null;
  }

  problem(key: string, expected: string, found: string): void {
    const where = key in this.#block || !(key in this.#config) ? `${this.#blockName}.${key}` : key;
    this.#problems.push({ where: key === 'max_position_embeddings' ? key : where, expected, found });
  }

  refuse(): void {
    if (this.#problems.length > 0) throw new UserError('input', this.#problems);
  }

  #value(key: string): unknown {
    return this.#block[key] ?? this.#config[key] ?? undefined;
  }

  #check(key: string, value: unknown, valid: (value: number) => boolean, expected: string): number | null {
    if (value === undefined || value === null) return null;
    if (typeof value === 'number' && Number.isFinite(value) && valid(value)) return value;
    this.problem(key, expected, describeValue(value));
    return null;
  }
}

function isRecord(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
