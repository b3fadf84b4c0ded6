import { z } from 'zod';
import { YARN_DEFAULTS } from '../rope/yarn-ramp.js';

/** The message of every check is what the user is told was expected. */
const above = (bound: number) => z.number(`a number above ${bound}`).gt(bound, `a number above ${bound}`);
const positive = above(0);
const scale = z.number('a number of at least 1').min(1, 'a number of at least 1');
const weight = z.number('a number of at least 0').min(0, 'a number of at least 0');
const share = z.number('a number in (0, 1]').gt(0, 'a number in (0, 1]').max(1, 'a number in (0, 1]');
// Not 1: the longrope attention factor divides by the logarithm of the length.
export const tokens = z.int('a whole number of at least 2').min(2, 'a whole number of at least 2');
// Entries are judged by factorVector, which also needs the rotary width.
const list = z.array(z.unknown(), 'a list of numbers');

/** Keys that any block may have. YaRN's own checkpoints carry `finetuned`, which nothing reads. */
export const common = {
  type: z.unknown().optional(),
  finetuned: z.unknown().optional(),
  rope_theta: above(1).default(10_000),
  partial_rotary_factor: share.default(1),
  original_max_position_embeddings: tokens.optional(),
};

const schemaOf = <Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.strictObject({ rope_type: z.literal(type), ...common, ...shape });

/**
 * Keys per type. A key that the type does not read is refused: transformers warns and ignores it, and then a misspelt
 * `beta_fast` is a wrong number.
 */
export const SCHEMAS = [
  schemaOf('default', {}),
  schemaOf('linear', { factor: scale }),
  schemaOf('dynamic', { factor: scale }),
  schemaOf('yarn', {
    factor: scale,
    beta_fast: positive.default(YARN_DEFAULTS.betaFast),
    beta_slow: positive.default(YARN_DEFAULTS.betaSlow),
    truncate: z.boolean('true or false').default(YARN_DEFAULTS.truncate),
    attention_factor: positive.optional(),
    mscale: weight.optional(),
    mscale_all_dim: weight.optional(),
  }),
  schemaOf('llama3', { factor: scale, low_freq_factor: positive, high_freq_factor: positive }),
  schemaOf('longrope', {
    short_factor: list,
    long_factor: list,
    factor: scale.optional(),
    attention_factor: positive.optional(),
    short_mscale: positive.optional(),
    long_mscale: positive.optional(),
  }),
  schemaOf('proportional', { factor: scale.default(1) }),
] as const;

export type Values = z.output<(typeof SCHEMAS)[number]>;
