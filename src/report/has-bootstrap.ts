import type { PerplexityPanel } from './view-model.js';

/** Whether any figure of a panel has enough documents for a bootstrap interval beside the other. */
export function hasBootstrap({ series }: PerplexityPanel): boolean {
  return series.some(({ points }) => points.some(({ bootstrap }) => bootstrap !== null));
}
