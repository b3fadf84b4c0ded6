import { UserError } from '../../errors.js';
import { readTensor } from '../checkpoint/dequantize/index.js';
import { isFloatDtype } from '../checkpoint/layouts.js';
import { describeValue } from '../describe.js';
import { type GgufCheckpoint, type GgufKeys, shortestFloat32 } from './keys.js';
import { llama3Config } from './llama3-factors.js';

const FREQUENCIES = 'rope_freqs.weight';
const LONG = 'rope_factors_long.weight';
const SHORT = 'rope_factors_short.weight';

/**
 * The rope keys of a config that turns exactly as llama.cpp does with this file. llama.cpp divides the base frequencies by a
 * factor list (`rope_freqs`, or for type longrope the short or long list) and by `rope.scaling.factor`, whatever the type,
 * and multiplies cos and sin by `rope.scaling.attn_factor`; only yarn blends. Lists that are not those of llama3 are written
 * as longrope, which is the one Hugging Face type that carries lists.
 */
export async function ggufRopeConfig(checkpoint: GgufCheckpoint, keys: GgufKeys): Promise<Record<string, unknown>> {
  const type = keys.get('rope.scaling.type') ?? 'linear';
  // 0 stands for "not set", and type none switches the factor off.
  const factor = type === 'none' ? 1 : keys.number('rope.scaling.factor') || keys.number('rope.scale_linear') || 1;
  const attention = keys.number('rope.scaling.attn_factor') ?? 1;
  const contextLength = keys.number('context_length');
  const original = keys.number('rope.scaling.original_context_length') ?? contextLength;
  const rotary = partialRotary(keys);

  const lists = {
    frequencies: await factorList(checkpoint, FREQUENCIES),
    long: await factorList(checkpoint, LONG),
    short: await factorList(checkpoint, SHORT),
  };
  const hasPair = lists.long !== undefined || lists.short !== undefined;
  if (type !== 'longrope' && hasPair)
    keys.refuse(
      'unsupported',
      'rope.scaling.type',
      `longrope, because the file has ${LONG} or ${SHORT}`,
      describeValue(type),
    );
  if (lists.frequencies !== undefined && hasPair)
    throw new UserError('unsupported', {
      where: `${checkpoint.files[0]}`,
      expected: `${FREQUENCIES} or ${LONG}`,
      found: 'both',
    });

  switch (type) {
    case 'longrope':
      if (lists.long === undefined || lists.short === undefined)
        throw new UserError('input', {
          where: `${checkpoint.files[0]}`,
          expected: `${LONG} and ${SHORT}, because rope.scaling.type is longrope`,
          found: 'not both',
        });
      return { ...rotary, ...longrope(lists.short, lists.long) };
    case 'none':
    case 'linear':
      break;
    case 'yarn':
      return { ...rotary, rope_scaling: yarn() };
    default:
      return keys.refuse('unsupported', 'rope.scaling.type', 'none, linear, yarn or longrope', describeValue(type));
  }
  if (lists.frequencies !== undefined) {
    const llama3 =
      factor === 1 && attention === 1
        ? llama3Config(lists.frequencies, keys.number('rope.freq_base') ?? 10_000, contextLength)
        : undefined;
    return {
      ...rotary,
      ...(llama3 === undefined ? longrope(lists.frequencies, lists.frequencies) : { rope_scaling: llama3 }),
    };
  }
  if (attention !== 1) keys.refuse('unsupported', 'rope.scaling.attn_factor', '1 without factor lists', `${attention}`);
  return { ...rotary, rope_scaling: factor === 1 ? null : { rope_type: 'linear', factor } };

  function longrope(short: readonly number[], long: readonly number[]): Record<string, unknown> {
    return {
      original_max_position_embeddings: original,
      rope_scaling: {
        rope_type: 'longrope',
        short_factor: short.map((value) => value * factor),
        long_factor: long.map((value) => value * factor),
        original_max_position_embeddings: original,
        factor: (contextLength ?? Number.NaN) / (original ?? Number.NaN),
        attention_factor: attention,
      },
    };
  }

  function yarn(): Record<string, unknown> {
    if (lists.frequencies !== undefined)
      keys.refuse('unsupported', 'rope.scaling.type', `linear, because the file has ${FREQUENCIES}`, 'yarn');
    for (const key of ['yarn_ext_factor', 'yarn_attn_factor', 'yarn_log_multiplier']) {
      const value = keys.number(`rope.scaling.${key}`);
      const neutral = key === 'yarn_log_multiplier' ? 0 : 1;
      // llama.cpp writes -1 for "not set".
      if (value !== undefined && value !== neutral && value !== -1)
        keys.refuse('unsupported', `rope.scaling.${key}`, `${neutral}`, `${value}`);
    }
    const betaFast = keys.number('rope.scaling.yarn_beta_fast');
    const betaSlow = keys.number('rope.scaling.yarn_beta_slow');
    return {
      rope_type: 'yarn',
      factor,
      original_max_position_embeddings: original,
      ...(betaFast === undefined ? {} : { beta_fast: betaFast }),
      ...(betaSlow === undefined ? {} : { beta_slow: betaSlow }),
      // llama.cpp multiplies its own 0.1 ln(s) + 1 by attn_factor; Hugging Face replaces it.
      ...(attention === 1 ? {} : { attention_factor: attention * (0.1 * Math.log(factor) + 1) }),
    };
  }
}

/** `partial_rotary_factor` when fewer dimensions turn than a head has. */
function partialRotary(keys: GgufKeys): Record<string, unknown> {
  const rotaryDim = keys.number('rope.dimension_count');
  const headDim =
    keys.number('attention.key_length') ??
    (keys.number('embedding_length') ?? 0) / (keys.number('attention.head_count') ?? 1);
  // A broken head size is reported with the other keys.
  if (rotaryDim === undefined || rotaryDim === headDim || !(headDim > 0)) return {};
  const share = rotaryDim / headDim;
  // Readers of the config compute int(head_dim * partial_rotary_factor).
  if (!(rotaryDim > 0 && rotaryDim < headDim) || Math.trunc(headDim * share) !== rotaryDim)
    keys.refuse('input', 'rope.dimension_count', `at most the head size (${headDim})`, `${rotaryDim}`);
  return { partial_rotary_factor: share };
}

async function factorList(checkpoint: GgufCheckpoint, name: string): Promise<readonly number[] | undefined> {
  const tensor = checkpoint.tensors.get(name);
  const dtype = tensor?.dtype ?? checkpoint.unreadable.get(name);
  if (dtype === undefined) return undefined;
  if (tensor === undefined || !isFloatDtype(tensor.dtype))
    throw new UserError('unsupported', { where: `${checkpoint.files[0]}: ${name}`, expected: 'F32', found: dtype });
  return Array.from(await readTensor(tensor), shortestFloat32);
}
