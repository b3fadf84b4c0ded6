import type { z } from 'zod';
import { type Problem, UserError } from '../errors.js';
import { attentionFactorOf } from '../rope/attention-factor.js';
import { factorVector } from '../rope/factor-vector.js';
import type { FactorVector, RopeGeometry, RopeScaling } from '../rope/types.js';
import type { LayerType } from './decoder-config.js';
import { describeValue } from './describe.js';
import { type Config, type RopeBlock, type RopeConventions, selectRopeBlock } from './rope-block.js';
import { overflows } from './rope-overflow.js';
import { common, SCHEMAS, tokens, type Values } from './rope-schema.js';
import type { RopeSpec } from './types.js';

export interface RopeContext {
  readonly headDim: number;
  readonly conventions?: RopeConventions;
  readonly layerType?: LayerType;
}

/**
 * RoPE of a Hugging Face config with the keys of transformers v4 (`rope_scaling`, `rope_theta`) or v5 (`rope_parameters`),
 * and v5's precedence and defaults (docs/rope.md). `headDim`: dimensions of a head, an even number; `conventions`: what the
 * config class does of its own; `layerType`: whose RoPE is wanted, for classes that have one per layer type.
 * Throws one UserError with every problem, also where transformers would warn and compute something else: `input` for
 * missing keys, bad numbers and lists of the wrong length, `unsupported` for other types and RoPE that differs by layer.
 */
export function parseRopeConfig(config: Config, { headDim, conventions = {}, layerType }: RopeContext): RopeSpec {
  const problems: Problem[] = [];
  const block = selectRopeBlock(config, problems, { conventions, ...(layerType && { layerType }) });
  const types = conventions.types ?? SCHEMAS.map(({ shape }) => shape.rope_type.value);
  const schema = SCHEMAS.find(
    ({ shape: { rope_type: type } }) => type.value === block.values['rope_type'] && types.includes(type.value),
  );
  if (schema === undefined)
    throw new UserError('unsupported', {
      where: block.locate('rope_type'),
      expected: `one of ${types.join(', ')}`,
      found: describeValue(block.values['rope_type']),
    });
  const maximum = tokens.safeParse(config['max_position_embeddings']);
  if (!maximum.success)
    problems.push(...issues(maximum.error, config['max_position_embeddings'], () => 'max_position_embeddings'));
  const parsed = schema.safeParse(block.values);
  if (!parsed.success) problems.push(...issues(parsed.error, block.values, block.locate, Object.keys(schema.shape)));
  const rotary = rotaryWidth(block, headDim, problems);
  refusePartial(block, rotary, conventions, problems);
  const lists = rotary && factorLists(block, rotary.rotaryDim / 2, problems);
  if (!parsed.success || !maximum.success || rotary === undefined || lists === undefined)
    throw new UserError('input', problems);

  const maxPositionEmbeddings = maximum.data;
  const scaling = toScaling(parsed.data, lists, maxPositionEmbeddings);
  problems.push(...contradictions(parsed.data, scaling, maxPositionEmbeddings, block));
  const geometry = { theta: parsed.data.rope_theta, headDim, ...rotary };
  if (problems.length === 0) problems.push(...overflows(geometry, scaling, maxPositionEmbeddings, block));
  if (problems.length > 0) throw new UserError('input', problems);
  return {
    geometry,
    scaling,
    originalLength: 'originalLength' in scaling ? scaling.originalLength : maxPositionEmbeddings,
    maxPositionEmbeddings,
  };
}

function issues(
  error: z.ZodError,
  value: unknown,
  locate: (key: string) => string,
  legalKeys: readonly string[] = [],
): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({
        where: locate(key),
        expected: `only keys that this type reads (${legalKeys.join(', ')})`,
        found: describeValue((value as Config)[key]),
      }));
    const key = issue.path[0];
    const found = key === undefined ? value : (value as Config)[String(key)];
    return [{ where: locate(String(key)), expected: issue.message, found: describeValue(found) }];
  });
}

/** int(head * partial) dimensions turn; proportional RoPE spreads over the whole head and leaves the last pairs still. */
function rotaryWidth(
  block: RopeBlock,
  headDim: number,
  problems: Problem[],
): Pick<RopeGeometry, 'rotaryDim' | 'rotatingPairs'> | undefined {
  const partial = common.partial_rotary_factor.safeParse(block.values['partial_rotary_factor']);
  if (!partial.success) return undefined;
  const isProportional = block.values['rope_type'] === 'proportional';
  const pairs = isProportional ? Math.floor((headDim * partial.data) / 2) : Math.trunc(headDim * partial.data) / 2;
  if (pairs < 1 || !Number.isInteger(pairs)) {
    problems.push({
      where: block.locate('partial_rotary_factor'),
      expected: `a share of the head (${headDim}) that gives an even number of rotary dimensions`,
      found: `${partial.data}, which gives ${pairs * 2}`,
    });
    return undefined;
  }
  if (!isProportional) return { rotaryDim: pairs * 2 };
  return pairs === headDim / 2 ? { rotaryDim: headDim } : { rotaryDim: headDim, rotatingPairs: pairs };
}

/** Classes that turn whole heads ignore the share, or stop with a shape error. */
function refusePartial(
  block: RopeBlock,
  rotary: Pick<RopeGeometry, 'rotaryDim'> | undefined,
  { wholeHeads = false }: RopeConventions,
  problems: Problem[],
): void {
  const partial = block.values['partial_rotary_factor'];
  if (!wholeHeads || rotary === undefined || block.values['rope_type'] === 'proportional') return;
  if (partial !== undefined && partial !== 1)
    problems.push({
      where: block.locate('partial_rotary_factor'),
      expected: '1 or nothing, because this architecture turns whole heads',
      found: describeValue(partial),
    });
}

/** The valid lists of a longrope block; none for other types. Undefined, and problems, for lists that are wrong. */
function factorLists(
  { values, locate }: RopeBlock,
  rotaryPairs: number,
  problems: Problem[],
): readonly FactorVector[] | undefined {
  if (values['rope_type'] !== 'longrope') return [];
  const lists: FactorVector[] = [];
  for (const key of ['short_factor', 'long_factor']) {
    const value = values[key];
    // The schema has said so.
    if (!Array.isArray(value)) continue;
    try {
      lists.push(factorVector(value, rotaryPairs, locate(key)));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(...error.problems);
    }
  }
  return lists.length === 2 ? lists : undefined;
}

function toScaling(values: Values, lists: readonly FactorVector[], maximum: number): RopeScaling {
  const originalLength = values.original_max_position_embeddings ?? maximum;
  switch (values.rope_type) {
    case 'default':
      return { type: 'default' };
    case 'linear':
    case 'proportional':
      return { type: values.rope_type, factor: values.factor };
    case 'dynamic':
      return { type: 'dynamic', factor: values.factor, maxPositionEmbeddings: maximum };
    case 'yarn':
      return {
        type: 'yarn',
        factor: values.factor,
        originalLength,
        betaFast: values.beta_fast,
        betaSlow: values.beta_slow,
        truncate: values.truncate,
        ...(values.attention_factor !== undefined && { attentionFactor: values.attention_factor }),
        ...(values.mscale !== undefined && { mscale: values.mscale }),
        ...(values.mscale_all_dim !== undefined && { mscaleAllDim: values.mscale_all_dim }),
      };
    case 'llama3':
      return {
        type: 'llama3',
        factor: values.factor,
        originalLength,
        lowFreqFactor: values.low_freq_factor,
        highFreqFactor: values.high_freq_factor,
      };
    case 'longrope': {
      const [shortFactor, longFactor] = lists as readonly [FactorVector, FactorVector];
      return {
        type: 'longrope',
        shortFactor,
        longFactor,
        originalLength,
        factor: values.factor ?? maximum / originalLength,
        ...(values.attention_factor !== undefined && { attentionFactor: values.attention_factor }),
      };
    }
  }
}

/** Values that are fine alone, but not together. */
function contradictions(values: Values, scaling: RopeScaling, maximum: number, { locate }: RopeBlock): Problem[] {
  const problems: Problem[] = [];
  const add = (key: string, expected: string, found: unknown) =>
    problems.push({ where: locate(key), expected, found: describeValue(found) });
  if (values.rope_type === 'llama3' && values.high_freq_factor <= values.low_freq_factor)
    add('high_freq_factor', `a number above low_freq_factor (${values.low_freq_factor})`, values.high_freq_factor);
  if (values.rope_type === 'yarn' && values.beta_fast < values.beta_slow)
    add('beta_fast', `a number of at least beta_slow (${values.beta_slow})`, values.beta_fast);
  if (values.rope_type !== 'longrope' || scaling.type !== 'longrope') return problems;

  const original = values.original_max_position_embeddings;
  const ratio = maximum / (original ?? maximum);
  if (original === undefined && values.factor === undefined)
    add('original_max_position_embeddings', 'the original length (or a factor)', undefined);
  // v4 and the serving engines take the ratio, v5 the factor; an attention factor of its own makes it irrelevant to both.
  else if (
    original !== undefined &&
    values.attention_factor === undefined &&
    Math.abs(scaling.factor / ratio - 1) > 1e-6
  )
    add(
      'factor',
      `max_position_embeddings / original_max_position_embeddings (${ratio}), as engines differ`,
      values.factor,
    );
  // vLLM and SGLang multiply by these, transformers does not know them.
  const attention = attentionFactorOf(scaling);
  for (const key of ['short_mscale', 'long_mscale'] as const) {
    const mscale = values[key];
    if (mscale !== undefined && Math.abs(mscale / attention - 1) > 1e-6)
      add(key, `the attention factor (${attention}), as engines differ`, mscale);
  }
  return problems;
}
