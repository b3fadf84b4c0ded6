import type { RopeSpec } from '../model/types.js';
import { baseInverseFrequency, resolveRope } from '../rope/frequencies.js';
import { factorVector, type RopeScaling } from '../rope/index.js';
import type { Candidate } from '../search/index.js';

/** What a model's own scaling does, as rescale factors: which a search replaces, and is compared with. */
export interface OwnRope {
  readonly type: RopeScaling['type'];
  readonly atOriginal: Candidate;
  readonly atTarget: Candidate;
}

/** null where the model has base frequencies alone, at its original length and at the target. */
export function ownRope(rope: RopeSpec, targetLength: number): OwnRope | null {
  const [atOriginal, atTarget] = [ownFactors(rope, rope.originalLength), ownFactors(rope, targetLength)];
  return [atOriginal, atTarget].every(isUnscaled) ? null : { type: rope.scaling.type, atOriginal, atTarget };
}

export function ownRopeNotice({ type }: OwnRope): string {
  return `the model has a RoPE scaling of its own (${type}): what is searched takes its place, and is compared with it under the name "model"`;
}

/** Of a sequence of `length` tokens; the frequencies that they make may differ from the model's in the last bit. */
export function ownFactors({ geometry, scaling }: RopeSpec, length: number): Candidate {
  const { inverseFrequency, attentionFactor } = resolveRope(geometry, scaling, length);
  const factors = baseInverseFrequency(geometry).map((base, pair) =>
    base === 0 ? 1 : base / (inverseFrequency[pair] as number),
  );
  return { factors: factorVector(factors), attentionFactor, startTokens: 0 };
}

function isUnscaled({ factors, attentionFactor }: Candidate): boolean {
  return attentionFactor === 1 && factors.every((factor) => factor === 1);
}
