import { UserError } from '../../errors.js';
import type { RopeSpec } from '../../model/types.js';
import { attentionFactorOf, yarnMscale } from '../../rope/attention-factor.js';
import { baseInverseFrequency, resolveRope } from '../../rope/frequencies.js';
import type { LongropeTable } from '../longrope-table.js';
import type { TypedValue } from './entries.js';

/** The rope part of a GGUF file: keys below `{arch}.`, and factor tensors. */
export interface GgufRope {
  readonly contextLength: number;
  readonly keys: Readonly<Record<string, TypedValue>>;
  readonly tensors: readonly { readonly name: string; readonly values: Float32Array }[];
}

/**
 * A longrope table in llama.cpp's words. `rope.scaling.factor` stays out: llama.cpp divides every frequency by it, on top of
 * the factors.
 */
export function longropeGguf(table: LongropeTable): GgufRope {
  return {
    contextLength: table.targetLength,
    keys: {
      'rope.scaling.type': { string: 'longrope' },
      'rope.scaling.original_context_length': { u32: table.originalLength },
      'rope.scaling.attn_factor': { f32: table.attentionFactor },
    },
    tensors: [
      { name: 'rope_factors_long.weight', values: Float32Array.from(table.long) },
      { name: 'rope_factors_short.weight', values: Float32Array.from(table.short) },
    ],
  };
}

/** The RoPE a Hugging Face model has, in llama.cpp's words. Throws `UserError('unsupported')` for types it lacks. */
export function ownRopeGguf(rope: RopeSpec, where: string): GgufRope {
  const { geometry, scaling, maxPositionEmbeddings: contextLength } = rope;
  const plain = { contextLength, keys: {}, tensors: [] };
  const original = { 'rope.scaling.original_context_length': { u32: rope.originalLength } };
  switch (scaling.type) {
    case 'default':
      return plain;
    case 'linear':
      return {
        ...plain,
        keys: { 'rope.scaling.type': { string: 'linear' }, 'rope.scaling.factor': { f32: scaling.factor } },
      };
    case 'llama3': {
      const base = baseInverseFrequency(geometry);
      const { inverseFrequency } = resolveRope(geometry, scaling, contextLength);
      const values = base.map((frequency, pair) => frequency / inverseFrequency[pair]!);
      return { ...plain, tensors: [{ name: 'rope_freqs.weight', values }] };
    }
    case 'yarn': {
      if (!scaling.truncate)
        throw new UserError('unsupported', {
          where,
          expected: 'a YaRN ramp with truncated ends, the only kind of llama.cpp',
          found: 'truncate: false',
          fix: 'transformers and vLLM can (export hf)',
        });
      // llama.cpp multiplies its own 0.1 ln(s) + 1 by attn_factor; Hugging Face replaces it.
      const attention = attentionFactorOf(scaling) / yarnMscale(scaling.factor);
      return {
        ...plain,
        keys: {
          'rope.scaling.type': { string: 'yarn' },
          'rope.scaling.factor': { f32: scaling.factor },
          ...original,
          ...(scaling.betaFast !== 32 && { 'rope.scaling.yarn_beta_fast': { f32: scaling.betaFast } }),
          ...(scaling.betaSlow !== 1 && { 'rope.scaling.yarn_beta_slow': { f32: scaling.betaSlow } }),
          ...(Math.abs(attention - 1) > 1e-6 && { 'rope.scaling.attn_factor': { f32: attention } }),
        },
      };
    }
    case 'longrope':
      return longropeGguf({
        short: scaling.shortFactor,
        long: scaling.longFactor,
        attentionFactor: attentionFactorOf(scaling),
        originalLength: rope.originalLength,
        targetLength: contextLength,
      });
    case 'dynamic':
    case 'proportional':
      throw new UserError('unsupported', {
        where,
        expected: 'RoPE of type default, linear, yarn, llama3 or longrope, which llama.cpp knows',
        found: scaling.type,
        fix: 'transformers can (export hf); or give --rope a factor table',
      });
  }
}
