import { attentionFactorOf } from './attention-factor.js';
import type { ResolvedRope, RopeGeometry, RopeScaling } from './types.js';
import { yarnKeep } from './yarn-ramp.js';

/** theta^(-2i/d) for i = 0..d/2-1, radians per position. */
export function baseInverseFrequency({ theta, rotaryDim }: RopeGeometry): Float64Array {
  return Float64Array.from({ length: rotaryDim / 2 }, (_, pair) => theta ** ((-2 * pair) / rotaryDim));
}

/**
 * A scaling block at one sequence length, as transformers 5 computes it. Only `dynamic` and `longrope` look at the length;
 * `longrope` takes the long factors when it is strictly above the original length.
 */
export function resolveRope(geometry: RopeGeometry, scaling: RopeScaling, length: number): ResolvedRope {
  return {
    inverseFrequency: scaledInverseFrequency(geometry, scaling, length),
    attentionFactor: attentionFactorOf(scaling),
    startTokens: 0,
    baseInverseFrequency: baseInverseFrequency(geometry),
  };
}

/** Explicit factors: inverse frequency = base / factor. */
export function rescaledRope(
  geometry: RopeGeometry,
  { factors, attentionFactor, startTokens }: { factors: ArrayLike<number>; attentionFactor: number; startTokens: number },
): ResolvedRope {
  const base = baseInverseFrequency(geometry);
  return {
    inverseFrequency: base.map((frequency, pair) => frequency / (factors[pair] as number)),
    attentionFactor,
    startTokens,
    baseInverseFrequency: base,
  };
}

function scaledInverseFrequency(geometry: RopeGeometry, scaling: RopeScaling, length: number): Float64Array {
  const base = baseInverseFrequency(geometry);
  switch (scaling.type) {
    case 'default':
      return base;
    case 'linear':
      return base.map((frequency) => frequency / scaling.factor);
    case 'dynamic': {
      const { factor, maxPositionEmbeddings } = scaling;
      const seen = Math.max(length, maxPositionEmbeddings);
      const { theta, rotaryDim } = geometry;
      const growth = (factor * seen) / maxPositionEmbeddings - (factor - 1);
      return baseInverseFrequency({ ...geometry, theta: theta * growth ** (rotaryDim / (rotaryDim - 2)) });
    }
    case 'yarn': {
      const keep = yarnKeep(geometry, scaling);
      return base.map((frequency, pair) => {
        const kept = keep[pair] as number;
        return (frequency / scaling.factor) * (1 - kept) + frequency * kept;
      });
    }
    case 'longrope': {
      const factors = length > scaling.originalLength ? scaling.longFactor : scaling.shortFactor;
      return base.map((frequency, pair) => frequency / (factors[pair] as number));
    }
    case 'llama3':
      return base.map((frequency) => llama3Frequency(frequency, scaling));
    case 'proportional': {
      // Exponents run over the whole head; pairs beyond the partial width do not rotate.
      const { theta, headDim, rotaryDim } = geometry;
      return Float64Array.from({ length: headDim / 2 }, (_, pair) =>
        pair < rotaryDim / 2 ? theta ** ((-2 * pair) / headDim) / scaling.factor : 0,
      );
    }
  }
}

function llama3Frequency(frequency: number, scaling: Extract<RopeScaling, { type: 'llama3' }>): number {
  const { factor, originalLength, lowFreqFactor, highFreqFactor } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength > originalLength / lowFreqFactor) return frequency / factor;
  if (wavelength < originalLength / highFreqFactor) return frequency;
  const smooth = (originalLength / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}
