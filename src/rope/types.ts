/** Contracts of the rotary maths. Everything here is pure data. Factors are float64; frequencies float32, as engines compute them. */

declare const factorVectorBrand: unique symbol;

/** Rescale factors lambda_i, one per rotary pair, fastest first; finite, > 0, length = rotaryDim / 2. */
export type FactorVector = Float64Array & { readonly [factorVectorBrand]: true };

/** The part of a model that fixes its base frequencies theta^(-2i/rotaryDim). */
export interface RopeGeometry {
  readonly theta: number;
  readonly headDim: number;
  /** int(headDim * partial_rotary_factor), or headDim for proportional RoPE; an even number. */
  readonly rotaryDim: number;
  /** Pairs from here on have frequency 0 (proportional RoPE); absent = all pairs turn. */
  readonly rotatingPairs?: number;
}

export type RopeScaling =
  | { readonly type: 'default' }
  | { readonly type: 'linear'; readonly factor: number }
  | { readonly type: 'dynamic'; readonly factor: number; readonly maxPositionEmbeddings: number }
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly originalLength: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly truncate: boolean;
      readonly attentionFactor?: number;
      readonly mscale?: number;
      readonly mscaleAllDim?: number;
    }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly originalLength: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
    }
  | {
      readonly type: 'longrope';
      readonly shortFactor: FactorVector;
      readonly longFactor: FactorVector;
      readonly originalLength: number;
      readonly factor: number;
      readonly attentionFactor?: number;
    }
  | { readonly type: 'proportional'; readonly factor: number };

/** A method applied at one sequence length: all that is needed to fill a rotary table. */
export interface ResolvedRope {
  /** radians per position, per rotary pair; length rotaryDim / 2. */
  readonly inverseFrequency: Float32Array;
  /** Multiplies cos and sin, so logits grow by its square. */
  readonly attentionFactor: number;
  /** Positions below this keep the base frequencies (LongRoPE's n-hat); 0 = none. */
  readonly startTokens: number;
  /** Base frequencies theta^(-2i/d), used below startTokens. */
  readonly baseInverseFrequency: Float32Array;
}

/** cos and sin for positions 0..length-1, row-major [length, rotaryDim / 2], attention factor included. */
export interface RotaryTable {
  readonly length: number;
  readonly width: number;
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}
