import type { z } from 'zod';
import { type Problem, UserError } from '../../errors.js';
import { describeValue } from '../../model/describe.js';
import {
  type AddedToken,
  type DecoderStep,
  fileSchema,
  MAX_TOKEN_ID,
  type NormalizerStep,
  type PreTokenizerStep,
} from './schema.js';

/** The byte-pair model of a tokenizer.json, checked. */
export interface BytePairDefinition {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** In order of rank; every left, right and joined token is in the vocabulary. */
  readonly merges: readonly (readonly [left: string, right: string])[];
  readonly unknownId: number | null;
  /** Neighbouring unknown characters become one unknown token. */
  readonly fuseUnknown: boolean;
  /** Unknown characters become their UTF-8 bytes as `<0x..>` tokens where these exist. */
  readonly byteFallback: boolean;
  /** A word that is a token itself is not merged up from characters. */
  readonly ignoreMerges: boolean;
}

/** A tokenizer.json, checked; each pipeline is a flat list of steps. */
export interface TokenizerDefinition {
  readonly addedTokens: readonly AddedToken[];
  readonly normalizer: readonly NormalizerStep[];
  readonly preTokenizer: readonly PreTokenizerStep[];
  readonly decoder: readonly DecoderStep[];
  readonly model: BytePairDefinition;
}

/**
 * Checks the parsed tokenizer.json of `where`. Only byte-pair models are accepted, and only the parts whose ids are
 * known to equal those of the Rust package; anything else is a `UserError` that lists every part at fault.
 */
export function parseTokenizerDefinition(json: unknown, where: string): TokenizerDefinition {
  const file = flattened(json, where);
  const parsed = fileSchema.safeParse(file);
  if (!parsed.success)
    throw new UserError(
      'unsupported',
      parsed.error.issues.map((issue) => describeIssue(issue, file, where)),
    );
  const { added_tokens, normalizer, pre_tokenizer, decoder, model } = parsed.data;
  return {
    addedTokens: added_tokens,
    normalizer,
    preTokenizer: pre_tokenizer,
    decoder,
    model: parseModel(model, `${where}: model`),
  };
}

function parseModel(model: z.infer<typeof fileSchema>['model'], where: string): BytePairDefinition {
  const problems: Problem[] = [];
  const vocabulary = new Map<string, number>();
  for (const [token, id] of Object.entries(model.vocab)) {
    if (Number.isInteger(id) && (id as number) >= 0 && (id as number) <= MAX_TOKEN_ID)
      vocabulary.set(token, id as number);
    else
      problems.push({
        where: `${where}.vocab[${JSON.stringify(token)}]`,
        expected: `an id from 0 to ${MAX_TOKEN_ID}`,
        found: describeValue(id),
      });
  }
  const merges: [string, string][] = [];
  for (const [index, merge] of model.merges.entries()) {
    if (typeof merge === 'string' && merge.startsWith('#version')) continue;
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const at = `${where}.merges[${index}]`;
    if (!isPair(pair)) problems.push({ where: at, expected: 'two tokens', found: JSON.stringify(merge) });
    else {
      const missing = [...pair, pair.join('')].find((token) => !vocabulary.has(token));
      if (missing === undefined) merges.push(pair);
      else problems.push({ where: at, expected: 'tokens of the vocabulary', found: JSON.stringify(missing) });
    }
  }
  const unknownId = model.unk_token === null ? null : vocabulary.get(model.unk_token);
  if (unknownId === undefined)
    problems.push({
      where: `${where}.unk_token`,
      expected: 'a token of the vocabulary',
      found: JSON.stringify(model.unk_token),
    });
  if (problems.length > 0) throw new UserError('input', capped(problems, where));
  return {
    vocabulary,
    merges,
    unknownId: unknownId ?? null,
    fuseUnknown: model.fuse_unk,
    byteFallback: model.byte_fallback,
    ignoreMerges: model.ignore_merges,
  };
}

/** A broken vocabulary is broken in thousands of places; a screenful tells as much. */
function capped(problems: readonly Problem[], where: string): readonly Problem[] {
  const limit = 20;
  if (problems.length <= limit) return problems;
  return [
    ...problems.slice(0, limit),
    { where, expected: 'a consistent vocabulary', found: `${problems.length - limit} more problems` },
  ];
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
}

/** The file with its pipelines as flat lists, when it is of a kind that is read at all. */
function flattened(json: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new UserError('input', { where, expected: 'the object of a tokenizer.json', found: shortJson(json) });
  const file = json as Readonly<Record<string, unknown>>;
  const type = (file['model'] as Readonly<Record<string, unknown>> | null | undefined)?.['type'] ?? 'BPE';
  if (type !== 'BPE')
    throw new UserError('unsupported', {
      where: `${where}: model.type`,
      expected: 'BPE',
      found: describeValue(type),
      fix: FIX,
    });
  return {
    ...file,
    normalizer: flatten(file['normalizer'], 'normalizers'),
    pre_tokenizer: flatten(file['pre_tokenizer'], 'pretokenizers'),
    decoder: flatten(file['decoder'], 'decoders'),
  };
}

/** A step, a (nested) `Sequence` of steps or null, as a flat list. */
function flatten(value: unknown, key: string): readonly unknown[] {
  if (value === null || value === undefined) return [];
  const record = value as Readonly<Record<string, unknown>>;
  const parts = record['type'] === 'Sequence' ? record[key] : undefined;
  return Array.isArray(parts) ? parts.flatMap((part) => flatten(part, key)) : [value];
}

/** Steps that are known to give the same ids as the Rust package. */
const KNOWN_STEPS: Readonly<Record<string, string>> = {
  normalizer: 'NFC, Prepend or Replace',
  pre_tokenizer: 'ByteLevel, Digits, Split or Metaspace',
  decoder: 'ByteLevel, ByteFallback, Fuse, Replace, Strip or Metaspace',
};
const FIX = 'tokenise with Python datasets and pass the data set instead';

function describeIssue(issue: z.core.$ZodIssue, file: Readonly<Record<string, unknown>>, where: string): Problem {
  let found: unknown = file;
  for (const key of issue.path) found = (found as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key];
  const [part] = issue.path;
  const known = issue.code === 'invalid_union' ? KNOWN_STEPS[String(part)] : undefined;
  return {
    where: `${where}: ${issue.path.join('.')}`,
    expected: known ?? issue.message.replace(/^Invalid (input|option): expected /, '').replace(/, received .*$/, ''),
    found: shortJson(found),
    fix: FIX,
  };
}

function shortJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
