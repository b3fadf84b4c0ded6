import type { RopeScaling } from './types.js';

/** sqrt(1 + ln s / ln L), 1 for s <= 1: what LongRoPE ("su") multiplies cos and sin by. s = ratio, L = original length. */
export function longropeAttentionFactor(ratio: number, originalLength: number): number {
  return ratio <= 1 ? 1 : Math.sqrt(1 + Math.log(ratio) / Math.log(originalLength));
}

/** YaRN's get_mscale: 0.1 k ln s + 1, 1 for s <= 1. */
export function yarnMscale(ratio: number, weight = 1): number {
  return ratio <= 1 ? 1 : 0.1 * weight * Math.log(ratio) + 1;
}

/** The factor transformers applies for a scaling block. */
export function attentionFactorOf(scaling: RopeScaling): number {
  switch (scaling.type) {
    case 'longrope':
      return scaling.attentionFactor ?? longropeAttentionFactor(scaling.factor, scaling.originalLength);
    case 'yarn': {
      if (scaling.attentionFactor !== undefined) return scaling.attentionFactor;
      const { factor, mscale, mscaleAllDim } = scaling;
      return mscale && mscaleAllDim
        ? yarnMscale(factor, mscale) / yarnMscale(factor, mscaleAllDim)
        : yarnMscale(factor);
    }
    default:
      return 1;
  }
}
