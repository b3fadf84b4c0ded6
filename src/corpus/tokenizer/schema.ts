import { z } from 'zod';
import { type Problem, UserError } from '../../errors.js';

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

const patternSchema = z.union([
  z.strictObject({ String: z.string().min(1) }),
  z.strictObject({ Regex: z.string().min(1) }),
]);
const replaceSchema = z.object({ type: z.literal('Replace'), pattern: patternSchema, content: z.string() });
const metaspaceSchema = z.object({
  type: z.literal('Metaspace'),
  replacement: z.string(),
  prepend_scheme: z.enum(['always', 'first', 'never']).optional(),
  add_prefix_space: z.boolean().optional(),
  split: z.boolean().default(true),
});

const normalizerStep = z.discriminatedUnion('type', [
  z.object({ type: z.literal('NFC') }),
  z.object({ type: z.literal('Prepend'), prepend: z.string() }),
  replaceSchema,
]);
const preTokenizerStep = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.boolean().default(true),
    use_regex: z.boolean().default(true),
  }),
  z.object({ type: z.literal('Digits'), individual_digits: z.boolean().default(false) }),
  z.object({
    type: z.literal('Split'),
    pattern: patternSchema,
    behavior: z.enum(['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']),
    invert: z.boolean().default(false),
  }),
  metaspaceSchema,
]);
const decoderStep = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ByteLevel') }),
  z.object({ type: z.literal('ByteFallback') }),
  z.object({ type: z.literal('Fuse') }),
  replaceSchema,
  z.object({ type: z.literal('Strip'), content: z.string(), start: z.int().min(0), stop: z.int().min(0) }),
  metaspaceSchema,
]);

export type Pattern = z.infer<typeof patternSchema>;
export type NormalizerStep = z.infer<typeof normalizerStep>;
export type PreTokenizerStep = z.infer<typeof preTokenizerStep>;
export type DecoderStep = z.infer<typeof decoderStep>;

const addedTokenSchema = z.object({
  id: z.int().min(0),
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean(),
  special: z.boolean(),
});
export type AddedToken = z.infer<typeof addedTokenSchema>;

/** Vocabularies and merges are checked by hand: they have up to half a million entries. */
const fileSchema = z.object({
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: z.preprocess((v) => flatten(v, 'normalizers'), z.array(normalizerStep)),
  pre_tokenizer: z.preprocess((v) => flatten(v, 'pretokenizers'), z.array(preTokenizerStep)),
  decoder: z.preprocess((v) => flatten(v, 'decoders'), z.array(decoderStep)),
  model: z.object({
    type: z.literal('BPE').default('BPE'),
    dropout: z.literal([null, 0]).default(null),
    unk_token: z.string().nullable().default(null),
    continuing_subword_prefix: z.literal([null, '']).default(null),
    end_of_word_suffix: z.literal([null, '']).default(null),
    fuse_unk: z.boolean().default(false),
    byte_fallback: z.boolean().default(false),
    ignore_merges: z.boolean().default(false),
    vocab: z.custom<Readonly<Record<string, unknown>>>((v) => typeof v === 'object' && v !== null && !Array.isArray(v)),
    merges: z.custom<readonly unknown[]>(Array.isArray),
  }),
});

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
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => describeIssue(issue, json, where));
    throw new UserError('unsupported', problems);
  }
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
    if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31) vocabulary.set(token, id as number);
    else problems.push({ where: `${where}.vocab[${JSON.stringify(token)}]`, expected: 'an id', found: `${id}` });
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

/** A step, a (nested) `Sequence` of steps or null, as a flat list. */
function flatten(value: unknown, key: string): unknown {
  if (value === null || value === undefined) return [];
  const record = value as Readonly<Record<string, unknown>>;
  const parts = record['type'] === 'Sequence' ? record[key] : undefined;
  return Array.isArray(parts) ? parts.flatMap((part) => flatten(part, key)) : [value];
}

function describeIssue(issue: z.core.$ZodIssue, json: unknown, where: string): Problem {
  let found = json;
  for (const key of issue.path) found = (found as Record<PropertyKey, unknown> | undefined)?.[key];
  const steps = ['normalizer', 'pre_tokenizer', 'decoder'].includes(String(issue.path[0]));
  const text = JSON.stringify(found) ?? 'nothing';
  return {
    where: `${where}: ${issue.path.join('.')}`,
    expected: steps ? 'a part that this program applies exactly as the Rust tokenizers do' : issue.message,
    found:
      steps && found === undefined
        ? JSON.stringify((json as Record<string, unknown>)[String(issue.path[0])])
        : text.slice(0, 200),
    fix: 'tokenise with Python and pass the data set instead',
  };
}
