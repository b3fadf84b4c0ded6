import { UserError } from '../../errors.js';
import { parseRopeConfig } from '../../model/rope-config.js';
import type { RopeSpec } from '../../model/types.js';
import { rescaledRope, resolveRope } from '../../rope/frequencies.js';
import type { ResolvedRope, RopeGeometry } from '../../rope/types.js';
import { ggufYarn } from './llama-cpp.js';
import { configOrigins, ggufOrigins, type ValueOrigin } from './origins.js';
import { type Reading, repaired, withClassDefaults } from './repairs.js';
import type { ConfigSource, GgufSource, RopeSource } from './types.js';

/** What a file means, by the rules of docs/rope.md; `repairs`: how a contradiction was settled to get there. */
export interface Intent {
  readonly originalLength: number;
  readonly maximumLength: number;
  readonly geometry: RopeGeometry;
  /** Positions below this keep the base frequencies; no engine applies it. */
  readonly startTokens: number;
  readonly at: (length: number) => ResolvedRope;
  readonly repairs: readonly string[];
  readonly values: readonly ValueOrigin[];
}

/**
 * The meaning of a config, also of one that this program's loader refuses for a contradiction that has one plausible
 * reading. Undefined, and the loader's error, for a config with no single meaning.
 */
export function intentOf(source: RopeSource): { readonly intent?: Intent; readonly error?: UserError } {
  if (source.format === 'gguf') return { intent: ggufIntent(source) };
  const plain = withClassDefaults(source.config);
  const first = attempt(source, plain);
  if (first.intent !== undefined) return first;
  const second = attempt(source, repaired(plain));
  return second.intent === undefined ? first : { ...second, ...(first.error && { error: first.error }) };
}

function attempt(source: ConfigSource, reading: Reading): { intent?: Intent; error?: UserError } {
  try {
    const spec = parseRopeConfig(reading.config, { headDim: source.headDim });
    return { intent: configIntent(source, reading, spec) };
  } catch (error) {
    if (error instanceof UserError) return { error };
    throw error;
  }
}

function configIntent(source: ConfigSource, reading: Reading, spec: RopeSpec): Intent {
  const { startTokens, repairs } = reading;
  return {
    originalLength: spec.originalLength,
    maximumLength: spec.maxPositionEmbeddings,
    geometry: spec.geometry,
    startTokens,
    at: (length) => ({ ...resolveRope(spec.geometry, spec.scaling, length), startTokens }),
    repairs,
    values: configOrigins(source, reading, spec),
  };
}

/** Factor tensors mean division, once; a factor beside them is the known mistake. */
function ggufIntent(source: GgufSource): Intent {
  const { theta, headDim, rotaryDim, short, long, frequencies, factor, type, originalLength, contextLength } = source;
  const geometry: RopeGeometry = { theta, headDim, rotaryDim };
  const hasLists = short !== undefined || long !== undefined || frequencies !== undefined;
  return {
    originalLength,
    maximumLength: contextLength,
    geometry,
    startTokens: 0,
    repairs: [],
    values: ggufOrigins(source),
    at: (length) => {
      if (type === 'yarn' && !hasLists) {
        const yarn = resolveRope(geometry, ggufYarn(source), length);
        return { ...yarn, attentionFactor: yarn.attentionFactor * source.attentionFactor };
      }
      const listed = (length > originalLength ? long : short) ?? frequencies;
      const divisor = hasLists || type === 'none' ? 1 : factor;
      const factors = listed ?? new Float64Array(rotaryDim / 2).fill(divisor);
      return rescaledRope(geometry, { factors, attentionFactor: source.attentionFactor, startTokens: 0 });
    },
  };
}
