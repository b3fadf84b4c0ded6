import type { Config } from '../../model/rope-block.js';
import type { RopeSpec } from '../../model/types.js';
import { attentionFactorOf } from '../../rope/attention-factor.js';
import { hasLayerRopes, localBlock, localThetaKey } from './layer-ropes.js';
import { modelTypeOf } from './model-class.js';
import { blockOf, number } from './raw-config.js';
import type { Reading } from './repairs.js';
import type { ConfigSource, GgufSource } from './types.js';

/** A value of the effective RoPE and where it came from: a key or tensor of a file, or a rule. */
export interface ValueOrigin {
  readonly name: string;
  readonly value: number | string;
  /** Path of the key in config.json, metadata key or tensor of a GGUF; null = by the rule. */
  readonly key: string | null;
  readonly file: string | null;
  /** How the value came about where no key says it, or a key was passed over. */
  readonly rule: string | null;
}

const RATIO = 'max_position_embeddings / original length';
const ATTENTION_RULES: Readonly<Record<string, string>> = {
  longrope: 'sqrt(1 + ln factor / ln original length)',
  yarn: '0.1 ln factor + 1, or the mscale keys',
};

export function configOrigins(
  source: ConfigSource,
  { config, moved, startTokens, blockName }: Reading,
  spec: RopeSpec,
): ValueOrigin[] {
  const name = blockOf(config['rope_scaling']) === undefined ? 'rope_parameters' : 'rope_scaling';
  const block = blockOf(config[name]) ?? {};
  const { scaling, geometry } = spec;
  const nameOf = blockName ?? (() => name);
  const locate = (path: string) => (source.nested.has(path.split('.')[0]!) ? `text_config.${path}` : path);
  const add = (label: string, value: number | string, place: string | undefined, rule: string): ValueOrigin => {
    // "key [remark]", "key" or "[rule]".
    const [, key = '', remark] = /^([^[]*?) ?(?:\[(.*)\])?$/.exec(place ?? '') ?? [];
    return key === ''
      ? { name: label, value, key: null, file: null, rule: remark ?? rule }
      : { name: label, value, key: locate(key), file: source.file, rule: remark ?? null };
  };
  const given = (place: Config, key: string) => place[key] !== undefined && place[key] !== null;
  const inBlock = (key: string) => moved.get(key) ?? (given(block, key) ? `${nameOf(key)}.${key}` : undefined);
  const assumed = (key: string) => (source.assumed.has(key) ? `[default of ${modelTypeOf(config)}]` : undefined);
  const atTop = (key: string) => moved.get(key) ?? assumed(key) ?? (given(config, key) ? key : undefined);
  const knowsOriginal = 'originalLength' in scaling;
  const original = 'original_max_position_embeddings';
  const partial = 'partial_rotary_factor';

  const values = [
    add('type', scaling.type, inBlock('rope_type') ?? inBlock('type'), 'default: no block gives a type'),
    add('theta', geometry.theta, inBlock('rope_theta') ?? atTop('rope_theta'), 'default 10000'),
    add('head size', geometry.headDim, atTop('head_dim'), 'hidden_size / num_attention_heads'),
    add('rotary dimensions', geometry.rotaryDim, inBlock(partial) ?? atTop(partial), 'the whole head'),
    add('maximum length', spec.maxPositionEmbeddings, atTop('max_position_embeddings'), ''),
    add(
      'original length',
      spec.originalLength,
      knowsOriginal ? (atTop(original) ?? inBlock(original)) : undefined,
      knowsOriginal
        ? 'max_position_embeddings, as no key gives one'
        : `max_position_embeddings (${scaling.type} has no other)`,
    ),
  ];
  if ('factor' in scaling) values.push(add('factor', scaling.factor, inBlock('factor'), RATIO));
  if (scaling.type === 'longrope')
    values.push(
      add('short factors', scaling.shortFactor.length, inBlock('short_factor'), ''),
      add('long factors', scaling.longFactor.length, inBlock('long_factor'), ''),
    );
  const attentionRule = ATTENTION_RULES[scaling.type] ?? 'always 1';
  values.push(add('attention factor', attentionFactorOf(scaling), inBlock('attention_factor'), attentionRule));
  if (hasLayerRopes(source.config)) {
    const theta = localBlock(source.config)['rope_theta'] as number;
    const rule = `default of ${modelTypeOf(source.config)}`;
    values.push(add('theta of local layers', theta, localThetaKey(source.config), rule));
  }
  if (startTokens > 0) values.push(add('start tokens', startTokens, moved.get('start_tokens'), ''));
  return values;
}

export function ggufOrigins(source: GgufSource): ValueOrigin[] {
  const { architecture, file } = source;
  const key = (name: string, label: string, value: number | string, rule: string): ValueOrigin =>
    source.keys.has(name)
      ? { name: label, value, key: `${architecture}.${name}`, file, rule: null }
      : { name: label, value, key: null, file: null, rule };
  const tensor = (label: string, name: string, list: readonly number[] | undefined): ValueOrigin[] =>
    list === undefined ? [] : [{ name: label, value: list.length, key: name, file, rule: null }];
  const scaling = number(source.factor) ?? 1;
  const isYarn = source.type === 'yarn';
  return [
    key('rope.scaling.type', 'type', source.type, 'default of llama.cpp'),
    key('rope.freq_base', 'theta', source.theta, 'default 10000'),
    ...(source.localTheta === undefined
      ? []
      : [key('rope.freq_base_swa', 'theta of local layers', source.localTheta, 'default 10000')]),
    key('attention.key_length', 'head size', source.headDim, 'embedding_length / attention.head_count'),
    key('rope.dimension_count', 'rotary dimensions', source.rotaryDim, 'the whole head'),
    key('context_length', 'maximum length', source.contextLength, ''),
    key('rope.scaling.original_context_length', 'original length', source.originalLength, 'context_length'),
    key('rope.scaling.factor', 'factor', scaling, 'default 1'),
    ...tensor('short factors', 'rope_factors_short.weight', source.short),
    ...tensor('long factors', 'rope_factors_long.weight', source.long),
    ...tensor('factors', 'rope_freqs.weight', source.frequencies),
    key(
      'rope.scaling.attn_factor',
      isYarn ? 'attention factor, times 0.1 ln factor + 1' : 'attention factor',
      source.attentionFactor,
      'default 1',
    ),
  ];
}
