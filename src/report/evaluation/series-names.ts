import type { EvaluationRecord } from '../../evaluation/index.js';
import { baseName } from './base-name.js';

export interface SeriesNames {
  /** In the order in which they first appear. */
  readonly all: readonly { readonly name: string; readonly method: string }[];
  of(record: EvaluationRecord, method: string): string;
}

/** A series is called by its method; where there are several models, by model and method. */
export function seriesNames(records: readonly EvaluationRecord[]): SeriesNames {
  const paths = new Map(records.map(({ model }) => [model.sha256, model.path]));
  const shortNames = [...paths.values()].map(baseName);
  const isAmbiguous = new Set(shortNames).size < shortNames.length;
  const of = ({ model }: EvaluationRecord, method: string) => {
    if (paths.size === 1) return method;
    const path = paths.get(model.sha256) as string;
    return `${isAmbiguous ? path : baseName(path)} · ${method}`;
  };
  const all = new Map<string, string>();
  for (const record of records) for (const { method } of record.results) all.set(of(record, method), method);
  return { all: [...all].map(([name, method]) => ({ name, method })), of };
}
