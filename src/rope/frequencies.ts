import { attentionFactorOf } from './attention-factor.js';
import type { ResolvedRope, RopeGeometry, RopeScaling } from './types.js';
import { yarnKeep } from './yarn-ramp.js';

/**
 * theta^(-2i/rotaryDim) in radians per position, for i = 0..rotaryDim/2-1; 0 for pairs that do not turn (proportional RoPE).
 */
export function baseInverseFrequency({ theta, rotaryDim, rotatingPairs }: RopeGeometry): Float64Array {
  return Float64Array.from({ length: rotaryDim / 2 }, (_, pair) =>
    pair < (rotatingPairs ?? Number.POSITIVE_INFINITY) ? theta ** ((-2 * pair) / rotaryDim) : 0,
  );
}

/**
 * A scaling block at one sequence length in tokens, as transformers 5 computes it (`modeling_rope_utils.py`). Only `dynamic`
 * and `longrope` look at the length; `longrope` takes the long factors when it is strictly above the original length.
 */
export function resolveRope(geometry: RopeGeometry, scaling: RopeScaling, length: number): ResolvedRope {
  return {
    inverseFrequency: scaledInverseFrequency(geometry, scaling, length),
    attentionFactor: attentionFactorOf(scaling),
    startTokens: 0,
    baseInverseFrequency: baseInverseFrequency(geometry),
  };
}

/** Explicit factors, as a search or a factor file gives them: inverse frequency = base / factor (LongRoPE eq. 3). */
export function rescaledRope(
  geometry: RopeGeometry,
  rescale: {
    readonly factors: ArrayLike<number>;
    readonly attentionFactor: number;
    readonly startTokens: number;
  },
): ResolvedRope {
  const base = baseInverseFrequency(geometry);
  return {
    inverseFrequency: divided(base, rescale.factors),
    attentionFactor: rescale.attentionFactor,
    startTokens: rescale.startTokens,
    baseInverseFrequency: base,
  };
}

function scaledInverseFrequency(geometry: RopeGeometry, scaling: RopeScaling, length: number): Float64Array {
  const base = baseInverseFrequency(geometry);
  switch (scaling.type) {
    case 'default':
      return base;
    case 'linear':
    case 'proportional':
      return base.map((frequency) => frequency / scaling.factor);
    case 'dynamic':
      return baseInverseFrequency({ ...geometry, theta: dynamicTheta(geometry, scaling, length) });
    case 'yarn': {
      const keep = yarnKeep(geometry, scaling);
      return base.map((frequency, pair) => {
        const kept = keep[pair] as number;
        return (frequency / scaling.factor) * (1 - kept) + frequency * kept;
      });
    }
    case 'longrope':
      return divided(base, length > scaling.originalLength ? scaling.longFactor : scaling.shortFactor);
    case 'llama3':
      return base.map((frequency) => llama3Frequency(frequency, scaling));
  }
}

function divided(base: Float64Array, factors: ArrayLike<number>): Float64Array {
  if (factors.length !== base.length) throw new Error(`${factors.length} factors for ${base.length} rotary pairs`);
  return base.map((frequency, pair) => frequency / (factors[pair] as number));
}

/** NTK-aware base change that grows with the sequence beyond the trained length. */
function dynamicTheta(
  { theta, rotaryDim }: RopeGeometry,
  { factor, maxPositionEmbeddings }: Extract<RopeScaling, { type: 'dynamic' }>,
  length: number,
): number {
  const seen = Math.max(length, maxPositionEmbeddings);
  const growth = (factor * seen) / maxPositionEmbeddings - (factor - 1);
  return theta * growth ** (rotaryDim / (rotaryDim - 2));
}

/** Llama 3.1: slow pairs divided by the factor, fast ones kept, a smooth passage between the two wavelengths. */
function llama3Frequency(frequency: number, scaling: Extract<RopeScaling, { type: 'llama3' }>): number {
  const { factor, originalLength, lowFreqFactor, highFreqFactor } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > originalLength / lowFreqFactor) return frequency / factor;
  if (wavelength < originalLength / highFreqFactor) return frequency;
  const smooth = (originalLength / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}
