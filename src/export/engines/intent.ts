import { UserError } from '../../errors.js';
import { fixedRope } from '../../model/architecture.js';
import type { LayerType } from '../../model/decoder-config.js';
import type { Config } from '../../model/rope-block.js';
import { parseRopeConfig } from '../../model/rope-config.js';
import type { RopeSpec } from '../../model/types.js';
import { rescaledRope, resolveRope } from '../../rope/frequencies.js';
import type { ResolvedRope, RopeGeometry } from '../../rope/types.js';
import { globalBlock, globalBlockName, hasLayerRopes, unreadKeys, withGlobalRope } from './layer-ropes.js';
import { ggufYarn } from './llama-cpp.js';
import { conventionsOf } from './model-class.js';
import { configOrigins, ggufOrigins, type ValueOrigin } from './origins.js';
import { blockOf } from './raw-config.js';
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
  /** What local layers turn by at every length, where they have RoPE of their own; `at` is that of global layers then. */
  readonly local?: ResolvedRope;
  readonly repairs: readonly string[];
  readonly values: readonly ValueOrigin[];
}

/**
 * The meaning of a config, also of one that this program's loader refuses for a contradiction that has one plausible
 * reading. Undefined, and the loader's error, for a config with no single meaning.
 */
export function intentOf(source: RopeSource): { readonly intent?: Intent; readonly error?: UserError } {
  if (source.format === 'gguf') return tryGguf(source);
  if (hasLayerRopes(source.config)) return layeredIntent(source);
  const plain = withClassDefaults(source.config);
  const first = attempt(source, plain);
  if (first.intent !== undefined) return { ...first, ...classRefusal(source, plain) };
  const second = attempt(source, repaired(plain));
  return second.intent === undefined ? first : { ...second, ...(first.error && { error: first.error }) };
}

/** What the loader refuses for the class of the model alone; such a config has a meaning all the same. */
function classRefusal({ headDim }: ConfigSource, { config }: Reading): { readonly error?: UserError } {
  const result = tried(() => parseRopeConfig(config, { headDim, conventions: conventionsOf(config) }));
  return 'error' in result ? result : {};
}

/** Global layers are read, and repaired, as if their RoPE were that of all layers. Local ones have one meaning, or the config has none. */
function layeredIntent(source: ConfigSource): { readonly intent?: Intent; readonly error?: UserError } {
  const { config, headDim } = source;
  const specOf = (layerType: LayerType) =>
    parseRopeConfig(config, { headDim, conventions: conventionsOf(config), layerType });
  const plain: Reading = {
    ...withClassDefaults(withGlobalRope(config)),
    blockName: (key) => globalBlockName(config, key),
  };
  const local = tried(() => localRope(specOf('sliding_attention')));
  if ('error' in local) return local;
  const turning = (intent: Intent): Intent => ({ ...intent, local: local.value });
  const first = tried(() => configIntent(source, plain, specOf('full_attention')));
  if ('value' in first) return { intent: turning(first.value) };
  const second = attempt(source, repaired(withFlatKeys(plain, config)));
  return second.intent === undefined ? first : { intent: turning(second.intent), error: first.error };
}

/** A block for all layers can only have been meant for those that are rescaled. */
function withFlatKeys(reading: Reading, config: Config): Reading {
  const unread = unreadKeys(config);
  if (unread.length === 0) return reading;
  const flat = blockOf(config['rope_parameters']) ?? {};
  const block = { ...Object.fromEntries(unread.map((key) => [key, flat[key]])), ...globalBlock(config) };
  return {
    ...reading,
    config: { ...reading.config, rope_parameters: block },
    blockName: (key) => (key in globalBlock(config) ? globalBlockName(config, key) : 'rope_parameters'),
    repairs: [...reading.repairs, `${unread.join(', ')} of rope_parameters taken for global layers`],
  };
}

function localRope(spec: RopeSpec): ResolvedRope {
  const { geometry, scaling } = fixedRope(spec, 'rope_parameters.sliding_attention');
  return resolveRope(geometry, scaling, spec.originalLength);
}

function attempt(source: ConfigSource, reading: Reading): { intent?: Intent; error?: UserError } {
  const result = tried(() =>
    configIntent(source, reading, parseRopeConfig(reading.config, { headDim: source.headDim })),
  );
  return 'value' in result ? { intent: result.value } : result;
}

function tried<Value>(make: () => Value): { readonly value: Value } | { readonly error: UserError } {
  try {
    return { value: make() };
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

function tryGguf(source: GgufSource): { intent?: Intent; error?: UserError } {
  const pairs = source.rotaryDim / 2;
  const wrong = [source.short, source.long, source.frequencies].find((list) => list && list.length !== pairs);
  if (wrong === undefined) return { intent: ggufIntent(source) };
  return {
    error: new UserError('input', {
      where: `${source.file}: factor tensors`,
      expected: `${pairs} factors, one per rotary pair`,
      found: `${wrong.length}`,
    }),
  };
}

/** Factor tensors mean division, once; a factor beside them is the known mistake. */
function ggufIntent(source: GgufSource): Intent {
  const { theta, headDim, rotaryDim, short, long, frequencies, factor, type, originalLength, contextLength } = source;
  const geometry: RopeGeometry = { theta, headDim, rotaryDim };
  const hasLists = short !== undefined || long !== undefined || frequencies !== undefined;
  const { localTheta } = source;
  return {
    ...(localTheta !== undefined && {
      local: resolveRope({ theta: localTheta, headDim, rotaryDim }, { type: 'default' }, contextLength),
    }),
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
