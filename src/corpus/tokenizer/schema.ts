import { z } from 'zod';

const patternSchema = z.union([
  z.strictObject({ String: z.string().min(1) }),
  z.strictObject({ Regex: z.string().min(1) }),
]);
const replaceSchema = z.object({ type: z.literal('Replace'), pattern: patternSchema, content: z.string() });
/** One code point, a `char` of the Rust package. */
const character = z.string().regex(/^.$/su, 'one character');

const metaspaceSchema = z.object({
  type: z.literal('Metaspace'),
  replacement: character,
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
  z.object({ type: z.literal('Strip'), content: character, start: z.int().min(0), stop: z.int().min(0) }),
  metaspaceSchema,
]);

export type Pattern = z.infer<typeof patternSchema>;
export type NormalizerStep = z.infer<typeof normalizerStep>;
export type PreTokenizerStep = z.infer<typeof preTokenizerStep>;
export type DecoderStep = z.infer<typeof decoderStep>;

/** The largest published vocabularies have 262,144 tokens; the table of tokens by id is as long as the largest id. */
export const MAX_TOKEN_ID = 2 ** 24;

const addedTokenSchema = z.object({
  id: z.int().min(0).max(MAX_TOKEN_ID),
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean(),
  special: z.boolean(),
});
export type AddedToken = z.infer<typeof addedTokenSchema>;

/**
 * A tokenizer.json whose pipelines are flat lists. Vocabularies and merges are checked by hand: they have up to half a
 * million entries.
 */
export const fileSchema = z.object({
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: z.array(normalizerStep),
  pre_tokenizer: z.array(preTokenizerStep),
  decoder: z.array(decoderStep),
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
