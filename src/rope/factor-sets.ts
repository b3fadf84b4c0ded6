import { type Problem, UserError } from '../errors.js';
import { longropeAttentionFactor } from './attention-factor.js';
import { factorList, found, integer, isObject, MIN_ORIGINAL_LENGTH, positive } from './factor-fields.js';
import type { FactorVector } from './types.js';

const FORMAT = 'longrope-factor-sets/1';
const KEYS = ['format', 'original_max_position_embeddings', 'sets'];
const SET_KEYS = ['length', 'factors', 'attention_factor', 'start_tokens'];

/** The factors of one length and of all shorter ones down to the next set. */
export interface LengthFactors {
  /** tokens */
  readonly maxLength: number;
  readonly factors: FactorVector;
  /** null: the usual formula at `maxLength`. */
  readonly attentionFactor: number | null;
  readonly startTokens: number;
}

/** A factor set per length: what two lists in a config cannot hold. */
export interface FactorSets {
  readonly originalLength: number;
  /** In order of length, at least one. */
  readonly sets: readonly LengthFactors[];
}

/**
 * The switch policy: a forward pass over `length` tokens uses the first set that reaches so far, so the set of 8,192 serves 4,097
 * to 8,192 where 4,096 has one of its own; beyond the last set the last one. Whoever generates chooses once, from prompt and
 * answer together, or computes all keys anew where the set changes.
 */
export function factorsAt({ sets, originalLength }: FactorSets, length: number) {
  const set = sets.find(({ maxLength }) => length <= maxLength) ?? (sets.at(-1) as LengthFactors);
  const { factors, startTokens, maxLength } = set;
  const attentionFactor = set.attentionFactor ?? longropeAttentionFactor(maxLength / originalLength, originalLength);
  return { factors, attentionFactor, startTokens };
}

export function formatFactorSets({ originalLength, sets }: FactorSets): string {
  const file = {
    format: FORMAT,
    original_max_position_embeddings: originalLength,
    sets: [...sets]
      .sort((a, b) => a.maxLength - b.maxLength)
      .map(({ maxLength, factors, attentionFactor, startTokens }) => ({
        length: maxLength,
        factors: [...factors],
        attention_factor: attentionFactor,
        start_tokens: startTokens,
      })),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Whether a text says of itself that it is a file of factor sets. */
export function isFactorSets(text: string): boolean {
  return /^\uFEFF?\s*\{/.test(text) && /"format"\s*:\s*"longrope-factor-sets\//.test(text);
}

/** Reads what `formatFactorSets` writes. Throws one `UserError` with everything that is wrong. */
export function parseFactorSets(text: string, name: string, rotaryPairs?: number): FactorSets {
  const problems: Problem[] = [];
  const json = parseJson(text, name);
  if (json['format'] !== FORMAT)
    problems.push({ where: 'format', expected: `"${FORMAT}"`, found: found(json['format']) });
  refuseUnknown(json, KEYS, '', problems);
  const key = 'original_max_position_embeddings';
  const originalLength = integer(json[key], key, MIN_ORIGINAL_LENGTH, problems);
  if (json[key] === undefined || json[key] === null)
    problems.push({ where: key, expected: 'a whole number of tokens', found: 'nothing' });
  const list = json['sets'];
  if (!Array.isArray(list) || list.length === 0)
    problems.push({ where: 'sets', expected: 'a list of factor sets', found: found(list) });
  const sets = (Array.isArray(list) ? (list as unknown[]) : []).flatMap(
    (entry, i) => parseSet(entry, `sets[${i}]`, rotaryPairs, problems) ?? [],
  );
  for (const [i, { maxLength }] of sets.entries()) {
    const before = sets[i - 1];
    if (before !== undefined && before.maxLength >= maxLength)
      problems.push({
        where: `sets[${i}].length`,
        expected: `more than ${before.maxLength}, as sets are in order of length`,
        found: `${maxLength}`,
      });
  }
  if (problems.length > 0 || originalLength === null)
    throw new UserError(
      'input',
      problems.map((problem) => ({ ...problem, where: `${name}: ${problem.where}` })),
    );
  return { originalLength, sets };
}

function parseSet(
  entry: unknown,
  where: string,
  rotaryPairs: number | undefined,
  problems: Problem[],
): LengthFactors | undefined {
  if (!isObject(entry)) {
    problems.push({ where, expected: 'an object', found: found(entry) });
    return undefined;
  }
  refuseUnknown(entry, SET_KEYS, `${where}.`, problems);
  const maxLength = integer(entry['length'], `${where}.length`, 1, problems);
  if (entry['length'] === undefined || entry['length'] === null)
    problems.push({ where: `${where}.length`, expected: 'a whole number of tokens', found: 'nothing' });
  const factors = factorList(entry['factors'], `${where}.factors`, rotaryPairs, problems);
  const attentionFactor = positive(entry['attention_factor'], `${where}.attention_factor`, problems);
  const startTokens = integer(entry['start_tokens'], `${where}.start_tokens`, 0, problems) ?? 0;
  return maxLength === null || factors === undefined ? undefined : { maxLength, factors, attentionFactor, startTokens };
}

function refuseUnknown(json: object, keys: readonly string[], prefix: string, problems: Problem[]): void {
  for (const key of Object.keys(json))
    if (!keys.includes(key))
      problems.push({
        where: `${prefix}${key}`,
        expected: `one of the keys ${keys.join(', ')}`,
        found: 'an unknown key',
      });
}

function parseJson(text: string, name: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new UserError('input', { where: name, expected: 'JSON', found: (error as Error).message });
  }
  if (isObject(json)) return json;
  throw new UserError('input', { where: name, expected: 'an object with factor sets', found: found(json) });
}
