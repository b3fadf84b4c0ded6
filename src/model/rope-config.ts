import { z } from 'zod';
import { type Problem, UserError } from '../errors.js';
import { longropeAttentionFactor } from '../rope/attention-factor.js';
import { factorVector } from '../rope/factor-vector.js';
import type { FactorVector, RopeGeometry, RopeScaling } from '../rope/types.js';
import { YARN_DEFAULTS } from '../rope/yarn-ramp.js';
import { describeValue } from './describe.js';
import { type Config, isRecord, type RopeBlock, selectRopeBlock } from './rope-block.js';
import type { RopeSpec } from './types.js';

/** The message of every check is what the user is told was expected. */
const above = (bound: number) => z.number(`a number above ${bound}`).gt(bound, `a number above ${bound}`);
const positive = above(0);
const scale = z.number('a number of at least 1').min(1, 'a number of at least 1');
const weight = z.number('a number of at least 0').min(0, 'a number of at least 0');
const share = z.number('a number in (0, 1]').gt(0, 'a number in (0, 1]').max(1, 'a number in (0, 1]');
const tokens = z.int('a positive whole number').min(1, 'a positive whole number');
// Length and entries are judged by factorVector, which needs the rotary width.
const list = z.array(z.unknown(), 'a list of numbers');

/** Keys that any block may have. YaRN's own checkpoints carry `finetuned`, which nothing reads. */
const common = {
  rope_type: z.unknown(),
  type: z.unknown(),
  finetuned: z.unknown(),
  rope_theta: above(1),
  partial_rotary_factor: share,
  original_max_position_embeddings: tokens,
};

/**
 * Keys per type. A key that the type does not read is refused: transformers warns and ignores it, and then a misspelt
 * `beta_fast` is a wrong number.
 */
const SCHEMAS = {
  default: z.strictObject(common),
  linear: z.strictObject({ ...common, factor: scale }),
  dynamic: z.strictObject({ ...common, factor: scale }),
  proportional: z.strictObject({ ...common, factor: scale.default(1) }),
  yarn: z.strictObject({
    ...common,
    factor: scale,
    beta_fast: positive.default(YARN_DEFAULTS.betaFast),
    beta_slow: positive.default(YARN_DEFAULTS.betaSlow),
    truncate: z.boolean('true or false').default(YARN_DEFAULTS.truncate),
    attention_factor: positive.optional(),
    mscale: weight.optional(),
    mscale_all_dim: weight.optional(),
  }),
  llama3: z.strictObject({ ...common, factor: scale, low_freq_factor: positive, high_freq_factor: positive }),
  longrope: z.strictObject({
    ...common,
    short_factor: list,
    long_factor: list,
    factor: scale.optional(),
    attention_factor: positive.optional(),
    short_mscale: positive.optional(),
    long_mscale: positive.optional(),
  }),
} as const;

type Values<Type extends keyof typeof SCHEMAS> = z.output<(typeof SCHEMAS)[Type]>;

/** What one block says, with everything that is wrong with it. */
interface Reading {
  readonly block: RopeBlock;
  readonly problems: Problem[];
  readonly rotaryPairs: number;
  readonly maximum: number;
}

/**
 * RoPE of a Hugging Face config with the keys of transformers v4 (`rope_scaling`, `rope_theta`) or v5 (`rope_parameters`),
 * and v5's precedence and defaults (docs/rope.md). `headDim` is an even number of dimensions.
 * Throws one UserError with every problem, where transformers would warn and compute something else: `input` for missing
 * keys, bad numbers and lists of the wrong length, `unsupported` for other types and for RoPE that differs by layer.
 */
export function parseRopeConfig(config: Config, { headDim }: { readonly headDim: number }): RopeSpec {
  const problems: Problem[] = [];
  const maximum = check(tokens, config['max_position_embeddings'], 'max_position_embeddings', problems);
  const block = selectRopeBlock(config, problems);
  const schema = Object.hasOwn(SCHEMAS, block.type) ? SCHEMAS[block.type as keyof typeof SCHEMAS] : undefined;
  if (schema === undefined)
    problems.push({
      where: block.locate(block.typeKey),
      expected: `one of ${Object.keys(SCHEMAS).join(', ')}`,
      found: describeValue(block.type),
    });
  if (schema === undefined || block.perLayer) throw new UserError('unsupported', problems);

  const theta = check(common.rope_theta, block.values['rope_theta'], block.locate('rope_theta'), problems);
  const rotary = rotaryWidth(block, headDim, problems);
  const parsed = schema.safeParse(block.values);
  if (!parsed.success) problems.push(...describeIssues(parsed.error, block, schema));
  const reading = { block, problems, rotaryPairs: (rotary?.rotaryDim ?? 0) / 2, maximum: maximum ?? Number.NaN };
  const scaling = parsed.success ? toScaling(block.type as RopeScaling['type'], parsed.data, reading) : undefined;
  if (problems.length > 0 || scaling === undefined || theta === undefined || rotary === undefined)
    throw new UserError('input', problems);
  return {
    geometry: { theta, headDim, ...rotary },
    scaling,
    originalLength: 'originalLength' in scaling ? scaling.originalLength : reading.maximum,
    maxPositionEmbeddings: reading.maximum,
  };
}

function check<T>(schema: z.ZodType<T>, value: unknown, where: string, problems: Problem[]): T | undefined {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  problems.push({ where, expected: parsed.error.issues[0]!.message, found: describeValue(value) });
  return undefined;
}
