import { UserError } from '../../errors.js';
import type { DecoderSpec } from '../../model/types.js';

/** What of a model the plain graphs do not hold yet, in words; empty for one that has gradients. */
export function undifferentiable(spec: DecoderSpec): readonly string[] {
  return [
    ...(spec.experts === null ? [] : ['a mixture of experts']),
    // The forward kernel would hold a score for every pair of tokens.
    ...(spec.attentionSoftcap === null ? [] : ['a cap on attention scores']),
    ...(spec.rotation.every((rotation) => rotation === 'global') ? [] : ['layers with a RoPE of their own, or none']),
  ];
}

/** Throws one `UserError('unsupported')` with all of it. */
export function refuseUndifferentiable(spec: DecoderSpec): void {
  const found = undifferentiable(spec);
  if (found.length > 0)
    throw new UserError(
      'unsupported',
      found.map((what) => ({
        where: `gradients of a ${spec.architecture} model`,
        expected: 'layers of one kind: attention without caps, one RoPE, one MLP',
        found: what,
        fix: 'search with cma-es, or train elsewhere',
      })),
    );
}
