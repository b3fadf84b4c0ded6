import type { EvaluationRecord } from '../../evaluation/index.js';
import { namesApart } from './base-name.js';

export interface SeriesNames {
  /** In the order in which they first appear. */
  readonly all: readonly { readonly name: string; readonly method: string }[];
  of(record: EvaluationRecord, method: string): string;
}

/** A series is called by its method; where there are several models, by model and method. */
export function seriesNames(records: readonly EvaluationRecord[]): SeriesNames {
  const paths = new Map(records.map(({ model }) => [model.sha256, model.path]));
  const apart = namesApart([...paths.values()]);
  // What lay at one path at two times has one name.
  const isOwn = (name: string) => apart.indexOf(name) === apart.lastIndexOf(name);
  const models = new Map(
    [...paths.keys()].map((sha256, i) => {
      const name = apart[i] as string;
      return [sha256, isOwn(name) ? name : `${name} (${sha256.slice(0, 8)})`];
    }),
  );
  const of = ({ model }: EvaluationRecord, method: string) => {
    return models.size === 1 ? method : `${models.get(model.sha256)} · ${method}`;
  };
  const all = new Map<string, string>();
  for (const record of records) for (const { method } of record.results) all.set(of(record, method), method);
  return { all: [...all].map(([name, method]) => ({ name, method })), of };
}
