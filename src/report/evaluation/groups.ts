import type { EvaluationKind } from '../../evaluation/index.js';
import type { KindOf } from '../evaluation-report.js';
import { namesApart, shortName } from './base-name.js';

export const CONFIDENCE = 0.95;

/** Labels of the inputs that a heading names. */
const TEXTS: readonly string[] = ['texts', 'haystack'];

export interface Group<Kind extends EvaluationKind> {
  readonly subject: string;
  readonly protocol: string;
  readonly members: readonly KindOf<Kind>[];
}

/** Records that were asked the same are one panel: only their figures can be compared. */
export function groupsOf<Kind extends EvaluationKind>(records: readonly KindOf<Kind>[]): Group<Kind>[] {
  const groups = new Map<string, KindOf<Kind>[]>();
  for (const member of records) {
    const { record } = member;
    const questions = record.results.map((result) =>
      'shots' in result ? `${result.task} ${result.shots} ${result.samples.length}` : '',
    );
    const bar = 'threshold' in record ? [`${record.threshold}`] : [];
    const key = [record.protocol, ...bar, ...record.inputs.map(({ sha256 }) => sha256), ...new Set(questions)].join(
      '\n',
    );
    groups.set(key, [...(groups.get(key) ?? []), member]);
  }
  return [...groups.values()].map((members) => {
    const [first] = members as [KindOf<Kind>];
    const models = namesApart([...new Set(members.map(({ record }) => record.model.path))]);
    const texts = first.record.inputs.flatMap(({ label, name }) => (TEXTS.includes(label) ? [shortName(name)] : []));
    return { subject: [...models, ...texts].join(', '), protocol: first.record.protocol, members };
  });
}

/** Results of a group by series, each with the name it has in the report. */
export function seriesOf<Kind extends EvaluationKind>({ members }: Group<Kind>) {
  type Result = KindOf<Kind>['record']['results'][number];
  const series = new Map<string, Result[]>();
  for (const { record, name } of members)
    for (const result of record.results as Result[]) {
      const key = name(result.method);
      series.set(key, [...(series.get(key) ?? []), result]);
    }
  return [...series].map(([name, results]) => ({ name, results }));
}

export function ascendingLengths(results: readonly { readonly length: number }[]): number[] {
  return [...new Set(results.map(({ length }) => length))].sort((a, b) => a - b);
}
