import type { FactorVector } from './types.js';

/** What a factor file says; null where it is silent. */
export interface FactorSet {
  readonly factors: FactorVector;
  /** Multiplies cos and sin; null = the engine's default, `longropeAttentionFactor(target / original, original)`. */
  readonly attentionFactor: number | null;
  /** Positions below this keep the base frequencies. */
  readonly startTokens: number;
  /** Length in tokens the base frequencies were trained for. */
  readonly originalLength: number | null;
  /** Length in tokens the factors were made for. */
  readonly targetLength: number | null;
}
