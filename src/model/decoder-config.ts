import { z } from 'zod';
import type { Problem } from '../errors.js';
import { describeValue } from './describe.js';

/**
 * Upper bounds keep a damaged config from becoming a graph that fills the memory before any shape is compared: ten times
 * and more above the largest published models (Llama-3.1-405B: 126 layers, hidden 16,384; vocabularies of 262,144).
 */
const MAX_LAYERS = 4096;
const MAX_WIDTH = 2 ** 20;
const MAX_VOCABULARY = 2 ** 24;
const MAX_EXPERTS = 4096;

/** Entries of `layer_types` that this program computes. */
const LAYER_TYPES = ['full_attention', 'sliding_attention'] as const;
export type LayerType = (typeof LAYER_TYPES)[number];

/** The message of every check is what the user is told was expected. */
const size = (max: number) => {
  const error = `a positive integer up to ${max}`;
  return z.int({ error }).min(1, { error }).max(max, { error });
};
const positive = z.number({ error: 'a positive number' }).positive({ error: 'a positive number' });
const count = z.int({ error: 'a whole number' }).min(0, { error: 'a whole number' });
const flag = z.boolean({ error: 'true or false' });
const tokenId = z.int({ error: 'a token id' }).min(0, { error: 'a token id' });

/**
 * The keys of a Hugging Face config from which decoders of the llama family are built; unknown keys are kept. Keys that every
 * published config has are required, the others default to what the config classes say unless a declaration knows better.
 */
const schema = z.looseObject({
  num_hidden_layers: size(MAX_LAYERS),
  hidden_size: size(MAX_WIDTH),
  intermediate_size: size(MAX_WIDTH),
  vocab_size: size(MAX_VOCABULARY),
  num_attention_heads: size(MAX_WIDTH),
  num_key_value_heads: size(MAX_WIDTH).nullish(),
  head_dim: size(MAX_WIDTH).nullish(),
  rms_norm_eps: positive.default(1e-6),
  hidden_act: z.string({ error: 'the name of an activation' }).default('silu'),
  hidden_activation: z.string({ error: 'the name of an activation' }).nullish(),
  tie_word_embeddings: flag.default(false),
  attention_bias: flag.default(false),
  mlp_bias: flag.default(false),
  sliding_window: size(Number.MAX_SAFE_INTEGER).nullish(),
  use_sliding_window: flag.nullish(),
  max_window_layers: count.nullish(),
  layer_types: z.array(z.enum(LAYER_TYPES, { error: LAYER_TYPES.join(' or ') }), { error: 'a list' }).nullish(),
  sliding_window_pattern: size(MAX_LAYERS).nullish(),
  use_bidirectional_attention: z.literal(false, { error: 'false: attention is causal here' }).nullish(),
  no_rope_layers: z.array(z.union([z.literal(0), z.literal(1)], { error: '0 or 1' }), { error: 'a list' }).nullish(),
  no_rope_layer_interval: size(MAX_LAYERS).nullish(),
  query_pre_attn_scalar: positive.nullish(),
  attn_logit_softcapping: positive.nullish(),
  final_logit_softcapping: positive.nullish(),
  num_local_experts: size(MAX_EXPERTS).nullish(),
  num_experts_per_tok: size(MAX_EXPERTS).nullish(),
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId)], { error: 'a token id or a list of them' }).nullish(),
  quantization_config: z.null({ error: 'unquantised weights (or a GGUF file)' }).optional(),
});

export type DecoderConfig = z.output<typeof schema>;

/** Says where the user finds a key, e.g. `config.json: hidden_size`. */
export type LocateKey = (key: string) => string;

/** Parses `config` over `defaults`; returns everything that is wrong with it, or the config. */
export function parseDecoderConfig(
  config: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
  locate: LocateKey,
): { config: DecoderConfig } | { problems: Problem[] } {
  const parsed = schema.safeParse({ ...defaults, ...config });
  if (!parsed.success)
    return {
      problems: parsed.error.issues.map(({ path, message }) => ({
        where: locate(path.join('.')),
        expected: message,
        found: describeValue(
          path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], config),
        ),
      })),
    };
  const problems = headProblems(parsed.data, locate);
  return problems.length > 0 ? { problems } : { config: parsed.data };
}

/** Published heads have 64 to 512 dimensions. Everything about RoPE is computed per pair before any weight is read. */
export const MAX_HEAD_DIMENSION = 65_536;

export function isHeadDimension(value: number): boolean {
  return value > 0 && value % 2 === 0 && value <= MAX_HEAD_DIMENSION;
}

/** `head_dim`, or the share of the hidden size that a head has without it; NaN when they are no numbers. */
export function headDimension(
  config: Readonly<Partial<Record<'head_dim' | 'hidden_size' | 'num_attention_heads', unknown>>>,
): number {
  const { head_dim: own, hidden_size: hidden, num_attention_heads: heads } = config;
  return own === undefined || own === null ? numberOf(hidden) / numberOf(heads) : numberOf(own);
}

/** The config may be one that was refused. */
function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}

function headProblems(config: DecoderConfig, locate: LocateKey): Problem[] {
  const problems: Problem[] = [];
  const { num_attention_heads: heads, num_key_value_heads: keyValueHeads, hidden_size: hiddenSize } = config;
  if (heads % (keyValueHeads ?? heads) !== 0)
    problems.push({
      where: locate('num_key_value_heads'),
      expected: `a divisor of num_attention_heads (${heads})`,
      found: `${keyValueHeads}`,
    });
  const headDim = headDimension(config);
  if (!Number.isInteger(headDim))
    problems.push({
      where: locate('hidden_size'),
      expected: `a multiple of num_attention_heads (${heads}) or head_dim`,
      found: `${hiddenSize}`,
    });
  else if (headDim % 2 !== 0)
    problems.push({
      where: locate('head_dim'),
      expected: 'an even number, because rotary embedding turns pairs',
      found: `${headDim}`,
    });
  else if (!isHeadDimension(headDim))
    problems.push({ where: locate('head_dim'), expected: `at most ${MAX_HEAD_DIMENSION}`, found: `${headDim}` });
  return problems;
}
