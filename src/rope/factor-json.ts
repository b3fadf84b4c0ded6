import { type Problem, UserError } from '../errors.js';
import { longropeAttentionFactor } from './attention-factor.js';
import {
  factorList,
  found,
  integer,
  isObject,
  type JsonObject,
  MIN_ORIGINAL_LENGTH,
  positive,
} from './factor-fields.js';
import type { FactorSet } from './factor-set.js';
import type { FactorVector } from './types.js';

const OWN_KEYS = ['factors', 'attention_factor', 'start_tokens', 'original_max_position_embeddings', 'target_length'];

/** Parses a plain array of factors, `formatFactorJson`'s object, or a Hugging Face config or block with `long_factor`. */
export function parseFactorJson(text: string, rotaryPairs?: number): FactorSet {
  const json = parseJson(text);
  const problems: Problem[] = [];
  const set = Array.isArray(json)
    ? silent(factorList(json, 'factors', rotaryPairs, problems))
    : parseObject(json as JsonObject, rotaryPairs, problems);
  if (set === undefined || problems.length > 0) throw new UserError('input', problems);
  return set;
}

/** JSON with everything a set has, in the keys `parseFactorJson` reads; numbers read back bit for bit. */
export function formatFactorJson(set: FactorSet): string {
  const json = {
    factors: [...set.factors],
    attention_factor: set.attentionFactor,
    start_tokens: set.startTokens,
    original_max_position_embeddings: set.originalLength,
    target_length: set.targetLength,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError('input', { where: 'text', expected: 'JSON', found: (error as Error).message });
  }
}

function parseObject(json: JsonObject, rotaryPairs: number | undefined, problems: Problem[]): FactorSet | undefined {
  if ('factors' in json) return parseOwn(json, rotaryPairs, problems);
  if ('long_factor' in json) return parseLongrope(json, json, '', rotaryPairs, problems);
  // transformers prefers rope_scaling where both exist.
  for (const key of ['rope_scaling', 'rope_parameters']) {
    const block = json[key];
    if (isObject(block) && 'long_factor' in block) return parseLongrope(block, json, `${key}.`, rotaryPairs, problems);
  }
  problems.push({
    where: 'top level',
    expected: 'a key "factors", or "long_factor" there, in rope_scaling or in rope_parameters',
    found: Object.keys(json).slice(0, 8).join(', ') || 'no keys',
  });
  return undefined;
}

function parseOwn(json: JsonObject, rotaryPairs: number | undefined, problems: Problem[]): FactorSet | undefined {
  for (const key of Object.keys(json))
    if (!OWN_KEYS.includes(key))
      problems.push({ where: key, expected: `one of the keys ${OWN_KEYS.join(', ')}`, found: 'an unknown key' });
  const factors = factorList(json['factors'], 'factors', rotaryPairs, problems);
  const set = {
    attentionFactor: positive(json['attention_factor'], 'attention_factor', problems),
    startTokens: integer(json['start_tokens'], 'start_tokens', 0, problems) ?? 0,
    originalLength: integer(
      json['original_max_position_embeddings'],
      'original_max_position_embeddings',
      MIN_ORIGINAL_LENGTH,
      problems,
    ),
    targetLength: integer(json['target_length'], 'target_length', 1, problems),
  };
  return factors && { factors, ...set };
}

/** A longrope block and the config it stands in (itself if it stands alone); the long factors are meant. */
function parseLongrope(
  block: JsonObject,
  config: JsonObject,
  prefix: string,
  rotaryPairs: number | undefined,
  problems: Problem[],
): FactorSet | undefined {
  const type = block['rope_type'] ?? block['type'] ?? 'longrope';
  if (type !== 'longrope' && type !== 'su')
    problems.push({
      where: `${prefix}${'rope_type' in block ? 'rope_type' : 'type'}`,
      expected: '"longrope", because there is a long_factor',
      found: found(type),
    });
  const factors = factorList(block['long_factor'], `${prefix}long_factor`, rotaryPairs, problems);
  const original = 'original_max_position_embeddings';
  // The order in which transformers looks, see docs/rope.md.
  const top = config[original] ?? undefined;
  const originalLength = integer(
    top ?? block[original],
    `${top === undefined ? prefix : ''}${original}`,
    MIN_ORIGINAL_LENGTH,
    problems,
  );
  const maximum = integer(config['max_position_embeddings'], 'max_position_embeddings', 1, problems);
  const factor = positive(block['factor'], `${prefix}factor`, problems);
  const stated = positive(block['attention_factor'], `${prefix}attention_factor`, problems);
  const ratio = factor ?? (maximum && originalLength && maximum / originalLength);
  const targetLength = maximum ?? (factor && originalLength && Math.round(factor * originalLength));
  const attentionFactor = stated ?? (ratio && originalLength && longropeAttentionFactor(ratio, originalLength));
  return factors && { factors, attentionFactor, startTokens: 0, originalLength, targetLength };
}

function silent(factors: FactorVector | undefined): FactorSet | undefined {
  return factors && { factors, attentionFactor: null, startTokens: 0, originalLength: null, targetLength: null };
}
