import path from 'node:path';
import { configJson, longropeConfig } from '../export/index.js';
import type { Model, RopeSpec } from '../model/index.js';
import { type ReportView, renderHtml, renderJson } from '../report/index.js';
import { formatFactorJson } from '../rope/factor-json.js';
import type { FactorSet } from '../rope/factor-set.js';
import { writeFileAtomic } from '../run/index.js';
import type { SearchResult } from '../search/index.js';
import type { SearchJob } from './search-model.js';

/** What there will be no config.json for, whatever is found; null where there can be one. */
export function configNotice({ geometry: { rotatingPairs } }: RopeSpec): string | null {
  if (rotatingPairs === undefined) return null;
  return `pairs from ${rotatingPairs} on do not turn in this model (proportional RoPE), which no longrope block can say: factors.json and the report are written, config.json is not`;
}

/** Writes what a search found beside its journal; returns the paths. `config` null: the model is known by numbers alone. */
export async function writeSearchArtefacts(
  job: Pick<SearchJob, 'targetLength' | 'out'>,
  { config, rope }: { readonly config: Model['config'] | null; readonly rope: RopeSpec },
  result: SearchResult,
  view: ReportView,
): Promise<string[]> {
  const { candidate } = result.winner;
  const set: FactorSet = {
    factors: candidate.factors,
    attentionFactor: candidate.attentionFactor,
    startTokens: candidate.startTokens,
    originalLength: rope.originalLength,
    targetLength: job.targetLength,
  };
  const written: Record<string, string> = { 'factors.json': formatFactorJson(set) };
  // Start tokens and factors for the original length alone cannot be expressed in a config: the factor file carries them.
  const isExpressible = candidate.startTokens === 0 && configNotice(rope) === null;
  if (config !== null && isExpressible && job.targetLength > rope.originalLength)
    written['config.json'] = configJson(longropeConfig(config, rope, set, job.targetLength));
  written['report.json'] = renderJson(view);
  written['report.html'] = renderHtml(view);
  for (const [name, content] of Object.entries(written)) await writeFileAtomic(path.join(job.out, name), content);
  return ['factors.csv', ...Object.keys(written)].map((name) => path.join(job.out, name));
}
