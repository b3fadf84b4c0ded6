import { formatFactorSets } from '../../rope/factor-sets.js';
import type { LongropeTable, NamedSet } from '../longrope-table.js';

export const FACTOR_SETS_NAME = 'longrope_factor_sets.json';

/** Factors for one more length, beside the two lists that engines read. */
export interface LengthSet extends NamedSet {
  readonly length: number;
}

/**
 * The side file with the factors of every length: engines have room for two lists and do not read it; `--rope` of our own
 * evaluations does, and so can a server that picks by length, or the next search.
 */
export function factorSetsJson(table: LongropeTable, sets: readonly LengthSet[]): string {
  const { originalLength, targetLength, attentionFactor } = table;
  return formatFactorSets({
    originalLength,
    sets: [
      { maxLength: originalLength, factors: table.short, attentionFactor, startTokens: 0 },
      ...sets.map(({ length, set }) => ({
        maxLength: length,
        factors: set.factors,
        attentionFactor: set.attentionFactor,
        startTokens: set.startTokens,
      })),
      { maxLength: targetLength, factors: table.long, attentionFactor, startTokens: 0 },
    ],
  });
}
