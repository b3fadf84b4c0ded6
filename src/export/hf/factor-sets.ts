import type { LongropeTable, NamedSet } from '../longrope-table.js';

export const FACTOR_SETS_NAME = 'longrope_factor_sets.json';

/** Factors for one more length, beside the two lists that engines read. */
export interface LengthSet extends NamedSet {
  readonly length: number;
}

/**
 * The side file with the factors of every length: engines have room for two lists and do not read it; a server that picks
 * by length, or the next search, can. Sets are in order of length.
 */
export function factorSetsJson(table: LongropeTable, sets: readonly LengthSet[]): string {
  const { originalLength, targetLength, attentionFactor } = table;
  const entries = [
    { length: originalLength, factors: [...table.short], attention_factor: attentionFactor, start_tokens: 0 },
    ...sets.map(({ length, set }) => ({
      length,
      factors: [...set.factors],
      attention_factor: set.attentionFactor,
      start_tokens: set.startTokens,
    })),
    { length: targetLength, factors: [...table.long], attention_factor: attentionFactor, start_tokens: 0 },
  ];
  const file = {
    format: 'longrope-factor-sets/1',
    original_max_position_embeddings: originalLength,
    sets: entries.sort((a, b) => a.length - b.length),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}
