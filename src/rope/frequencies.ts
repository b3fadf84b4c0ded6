import { attentionFactorOf } from './attention-factor.js';
import { add, divide, f32, multiply, power, reciprocal, subtract } from './float32.js';
import type { ResolvedRope, RopeGeometry, RopeScaling } from './types.js';
import { yarnRamp } from './yarn-ramp.js';

/**
 * theta^(-2i/rotaryDim) in radians per position, for i = 0..rotaryDim/2-1; 0 for pairs that do not turn (proportional RoPE).
 * All frequencies are computed in float32 in the order of transformers' operations: one float64 computation rounded at the end
 * is nearer to the formula and further from every engine (1 to 4 units in the last place, up to 2.5e-3 in logits at 4,096).
 */
export function baseInverseFrequency(geometry: RopeGeometry): Float32Array {
  return basePowers(geometry).map((powerOfTheta, pair) => (turns(geometry, pair) ? reciprocal(powerOfTheta) : 0));
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

/** Explicit factors, as a search or a factor file gives them: inverse frequency = 1 / (factor theta^(2i/d)) (LongRoPE eq. 3). */
export function rescaledRope(
  geometry: RopeGeometry,
  rescale: {
    readonly factors: ArrayLike<number>;
    readonly attentionFactor: number;
    readonly startTokens: number;
  },
): ResolvedRope {
  return {
    inverseFrequency: rescaled(geometry, rescale.factors),
    attentionFactor: rescale.attentionFactor,
    startTokens: rescale.startTokens,
    baseInverseFrequency: baseInverseFrequency(geometry),
  };
}

function scaledInverseFrequency(geometry: RopeGeometry, scaling: RopeScaling, length: number): Float32Array {
  switch (scaling.type) {
    case 'default':
      return baseInverseFrequency(geometry);
    case 'linear':
    case 'proportional':
      return baseInverseFrequency(geometry).map((frequency) => divide(frequency, scaling.factor));
    case 'dynamic':
      return baseInverseFrequency({ ...geometry, theta: dynamicTheta(geometry, scaling, length) });
    case 'yarn': {
      const { low, high } = yarnRamp(geometry, scaling);
      return basePowers(geometry).map((powerOfTheta, pair) => {
        const kept = subtract(1, Math.min(1, Math.max(0, divide(subtract(pair, low), high - low))));
        const interpolated = reciprocal(multiply(scaling.factor, powerOfTheta));
        return add(multiply(interpolated, subtract(1, kept)), multiply(reciprocal(powerOfTheta), kept));
      });
    }
    case 'longrope':
      return rescaled(geometry, length > scaling.originalLength ? scaling.longFactor : scaling.shortFactor);
    case 'llama3':
      return baseInverseFrequency(geometry).map((frequency) => llama3Frequency(frequency, scaling));
  }
}

/** theta^(2i/rotaryDim) per pair. */
function basePowers({ theta, rotaryDim }: RopeGeometry): Float32Array {
  return Float32Array.from({ length: rotaryDim / 2 }, (_, pair) => power(theta, divide(2 * pair, rotaryDim)));
}

function turns({ rotatingPairs }: RopeGeometry, pair: number): boolean {
  return pair < (rotatingPairs ?? Number.POSITIVE_INFINITY);
}

function rescaled(geometry: RopeGeometry, factors: ArrayLike<number>): Float32Array {
  const powers = basePowers(geometry);
  if (factors.length !== powers.length) throw new Error(`${factors.length} factors for ${powers.length} rotary pairs`);
  return powers.map((powerOfTheta, pair) =>
    turns(geometry, pair) ? reciprocal(multiply(factors[pair] as number, powerOfTheta)) : 0,
  );
}

/** NTK-aware base change that grows with the sequence beyond the trained length. */
function dynamicTheta(
  { theta, rotaryDim }: RopeGeometry,
  { factor, maxPositionEmbeddings }: Extract<RopeScaling, { type: 'dynamic' }>,
  length: number,
): number {
  const seen = Math.max(length, maxPositionEmbeddings);
  const growth = subtract(divide(multiply(factor, seen), maxPositionEmbeddings), factor - 1);
  // A Python number as exponent of a tensor stays a float64.
  return multiply(theta, f32(growth ** (rotaryDim / (rotaryDim - 2))));
}

/** Llama 3.1: slow pairs divided by the factor, fast ones kept, a smooth passage between the two wavelengths. */
function llama3Frequency(frequency: number, scaling: Extract<RopeScaling, { type: 'llama3' }>): number {
  const { factor, originalLength, lowFreqFactor, highFreqFactor } = scaling;
  const wavelength = multiply(2 * Math.PI, reciprocal(frequency));
  if (wavelength > f32(originalLength / lowFreqFactor)) return divide(frequency, factor);
  if (wavelength < f32(originalLength / highFreqFactor)) return frequency;
  const turnsSeen = multiply(originalLength, reciprocal(wavelength));
  const smooth = divide(subtract(turnsSeen, lowFreqFactor), highFreqFactor - lowFreqFactor);
  return add(divide(multiply(subtract(1, smooth), frequency), factor), multiply(smooth, frequency));
}
