import {
  bootstrapInterval,
  expInterval,
  type MethodPerplexity,
  ratioInterval,
  ratioMean,
} from '../evaluation/index.js';
import type { Score, SearchResult } from '../search/index.js';

/**
 * The held-out scores of a search as perplexities at its target, for searches that have no engine to measure more with. Nothing
 * is known of losses by position.
 */
export function heldOutPerplexities(
  { heldOut }: SearchResult,
  scoredTokens: readonly number[],
  lengths: { readonly original: number; readonly target: number },
): MethodPerplexity[] {
  if (heldOut === null) return [];
  const length = lengths.target;
  const [searched, ...others] = heldOut.scores;
  return [...others, searched as Score].map(({ name, candidate, documentLosses }) => {
    const units = documentLosses.map((loss, i) => {
      const weight = scoredTokens[i] as number;
      return { sum: loss * weight, weight };
    });
    const meanLoss = ratioMean(units);
    return {
      method: name,
      length,
      ratio: length / lengths.original,
      attentionFactor: candidate.attentionFactor,
      startTokens: candidate.startTokens,
      result: {
        protocol: { name: 'document', length },
        bos: false,
        perplexity: Math.exp(meanLoss),
        meanLoss,
        interval: expInterval(ratioInterval(units)),
        bootstrap: expInterval(bootstrapInterval(units)),
        tokens: units.reduce((sum, { weight }) => sum + weight, 0),
        documents: documentLosses.map((loss, i) => ({
          id: heldOut.documents[i] as string,
          tokens: scoredTokens[i] as number,
          windows: 1,
          meanLoss: loss,
        })),
        lossByPosition: [],
      },
    };
  });
}
