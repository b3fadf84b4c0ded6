import { factorVector } from './factor-vector.js';
import type { FactorVector, RopeGeometry } from './types.js';
import { YARN_DEFAULTS, yarnKeep } from './yarn-ramp.js';

export const CLOSED_FORMS = ['none', 'pi', 'ntk', 'yarn', 'half-turn'] as const;
export type ClosedForm = (typeof CLOSED_FORMS)[number];

export function isClosedFormName(name: string | undefined): name is ClosedForm {
  return (CLOSED_FORMS as readonly unknown[]).includes(name);
}

/**
 * A closed-form method as rescale factors at ratio s (target / original length): `none` 1; `pi` s; `ntk` s^(2i/(d-2)), the
 * base change that makes the slowest pair s; `yarn` 1 / ((1-m)/s + m) with Hugging Face's ramp m (32, 1, truncated), which
 * blends frequencies as the YaRN paper does (the released LongRoPE code blends factors, see `releasedYarnFactors`); `half-turn` is
 * ours: blended like YaRN's, between pairs that turn less than half within the original length (s) and those that turn twice (1),
 * which suits models that were trained at that length from the start (docs/rope.md).
 */
export function closedFormFactors(
  form: ClosedForm,
  geometry: RopeGeometry,
  { ratio, originalLength }: { readonly ratio: number; readonly originalLength: number },
): FactorVector {
  const pairs = Array.from({ length: geometry.rotaryDim / 2 }, (_, pair) => pair);
  switch (form) {
    case 'none':
      return factorVector(pairs.map(() => 1));
    case 'pi':
      return factorVector(pairs.map(() => ratio));
    case 'ntk':
      // Pair 0 keeps its frequency also when it is the only one and the exponent would be 0 / 0.
      return factorVector(
        pairs.map((pair) => (pair === 0 ? 1 : Math.max(1, ratio ** ((2 * pair) / (geometry.rotaryDim - 2))))),
      );
    case 'yarn': {
      const keep = yarnKeep(geometry, { ...YARN_DEFAULTS, originalLength });
      return factorVector(keep.map((kept) => 1 / ((1 - kept) / ratio + kept)));
    }
    case 'half-turn':
      return factorVector(
        pairs.map((pair) => {
          const turns = originalLength / (2 * Math.PI * geometry.theta ** ((2 * pair) / geometry.rotaryDim));
          const kept = Math.min(1, Math.max(0, (1 + Math.log2(turns)) / 2));
          // Not `yarnKeep`, whose ramp may end at pairs that do not exist. YaRN's blend, written so that its rounding never lets a factor fall below the one before.
          return ratio / (1 + kept * (ratio - 1));
        }),
      );
  }
}
