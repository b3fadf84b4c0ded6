import { type Problem, UserError } from '../errors.js';
import type { EvaluationKind, EvaluationRecord, RecordOf } from '../evaluation/index.js';
import { namesApart } from './evaluation/base-name.js';
import { benchmarkPanels } from './evaluation/benchmark-panel.js';
import { longPerplexityPanels, lossPanels, perplexityPanels } from './evaluation/perplexity-panel.js';
import { retrievalPanels } from './evaluation/retrieval-panel.js';
import { rulerPanels } from './evaluation/ruler-panel.js';
import { type SeriesNames, seriesNames } from './evaluation/series-names.js';
import { isSameInput, type Method, type ReportInput, type ReportView } from './view-model.js';

export interface NamedRecord {
  /** Where it came from, for messages. */
  readonly path: string;
  readonly record: EvaluationRecord;
}

export interface EvaluationReportOptions {
  readonly title?: string;
  /** Series the others are compared with; default the first `none` or `model`, else the first of all. */
  readonly reference?: string;
}

/** Records of one kind with what they are called in the report. */
export interface KindOf<Kind extends EvaluationKind> {
  readonly record: RecordOf<Kind>;
  readonly name: (method: string) => string;
}

/**
 * Any set of evaluations as one view, several models and factor sets side by side. Throws `UserError('input')` where two records
 * give two results for the same thing.
 */
export function evaluationReport(given: readonly NamedRecord[], options: EvaluationReportOptions = {}): ReportView {
  const names = seriesNames(given.map(({ record }) => record));
  const records = withoutRepeats(given, names);
  const of = <Kind extends EvaluationKind>(kind: Kind): KindOf<Kind>[] =>
    records.flatMap(({ record }) =>
      record.kind === kind
        ? [{ record: record as RecordOf<Kind>, name: (method: string) => names.of(record, method) }]
        : [],
    );
  const reference = referenceOf(names, options.reference);
  return {
    format: 'longrope-report/1',
    title: options.title ?? titleOf(records),
    generatedBy: [...new Set(records.map(({ record }) => `longrope ${record.version}, ${record.engine}`))].join(', '),
    command: [...new Set(records.map(({ record }) => record.command))].join('\n'),
    methods: names.all.map(({ name, method }) => methodOf(name, method, reference)),
    inputs: inputsOf(records),
    summary: [],
    factors: [],
    searches: [],
    perplexity: [...perplexityPanels(of('perplexity'), reference), ...longPerplexityPanels(of('longppl'), reference)],
    lossByPosition: lossPanels(of('perplexity')),
    retrieval: [...retrievalPanels('Passkey', of('passkey')), ...retrievalPanels('Needle', of('needle'))],
    ruler: rulerPanels(of('ruler')),
    benchmarks: benchmarkPanels(of('benchmark'), reference),
    notes: [...new Set(records.flatMap(({ record }) => record.notes))],
  };
}

function referenceOf({ all }: SeriesNames, asked: string | undefined): string {
  const found =
    asked === undefined ? all.find(({ method }) => isUnscaled(method)) : all.find(({ name }) => name === asked);
  if (asked !== undefined && found === undefined)
    throw new UserError('usage', {
      where: '--reference',
      expected: `one of ${all.map(({ name }) => name).join(', ')}`,
      found: asked,
    });
  return (found ?? all[0])?.name ?? '';
}

function isUnscaled(method: string): boolean {
  return method === 'none' || method === 'model';
}

function methodOf(name: string, method: string, reference: string): Method {
  if (name === reference && isUnscaled(method)) return { name, kind: 'unscaled' };
  return { name, kind: /\.(json|csv)(@|$)/i.test(method) ? 'searched' : 'baseline' };
}

function titleOf(records: readonly NamedRecord[]): string {
  const models = namesApart([...new Set(records.map(({ record }) => record.model.path))]);
  const kinds = [...new Set(records.map(({ record }) => (record.kind === 'longppl' ? 'LongPPL' : record.kind)))];
  return `${models.join(', ')}: ${kinds.join(', ')}`;
}

function inputsOf(records: readonly NamedRecord[]): ReportInput[] {
  const all = records.flatMap(({ record: { model, tokenizer, factorFiles, inputs } }): ReportInput[] => [
    { label: 'model', name: model.path, sha256: model.sha256 },
    { label: 'tokenizer', name: tokenizer.path, sha256: tokenizer.sha256 },
    ...factorFiles.map(({ path, sha256 }) => ({ label: 'factors', name: path, sha256 })),
    ...inputs.map(({ detail, ...input }) => ({ ...input, ...(detail !== undefined && { detail }) })),
  ]);
  return all.filter((input, i) => all.findIndex((other) => isSameInput(input, other)) === i);
}

/** One series is one set of factors: a file that was written anew between two evaluations holds another. */
function changedFactorFiles(records: readonly NamedRecord[], names: SeriesNames): Problem[] {
  const first = new Map<string, { where: string; sha256: string }>();
  return records.flatMap(({ path, record }) =>
    record.factorFiles.flatMap(({ method, sha256 }): Problem[] => {
      const series = names.of(record, method);
      const other = first.get(series);
      if (other === undefined) first.set(series, { where: path, sha256 });
      if (other === undefined || other.sha256 === sha256) return [];
      return [
        {
          where: path,
          expected: `the ${series} of ${other.where} (${other.sha256.slice(0, 8)})`,
          found: `a file of that name with other factors (${sha256.slice(0, 8)})`,
          fix: 'evaluate one of them again, or keep each set under a name of its own',
        },
      ];
    }),
  );
}

/**
 * The records, each result once: what two have alike is one. Throws `UserError('input')` where they have other figures for the same
 * thing: two results of one series on one question would be drawn over each other, whichever is right.
 */
function withoutRepeats(records: readonly NamedRecord[], names: SeriesNames): NamedRecord[] {
  const seen = new Map<string, { path: string; text: string }>();
  const problems: Problem[] = changedFactorFiles(records, names);
  const once = records.map(({ path, record }) => {
    const isNew = (result: EvaluationRecord['results'][number]) => {
      const what = [
        names.of(record, result.method),
        record.kind,
        'length' in result ? `at ${result.length}` : '',
        'task' in result ? result.task : '',
        'shots' in result ? `${result.shots} shots` : '',
      ]
        .filter(Boolean)
        .join(' ');
      const key = `${what} ${record.protocol} ${record.inputs.map(({ sha256 }) => sha256).join()}`;
      const text = JSON.stringify(result);
      const other = seen.get(key);
      if (other === undefined) seen.set(key, { path, text });
      else if (other.text !== text)
        problems.push({
          where: path,
          expected: `the ${what} of ${other.path}, or none`,
          found: 'other figures for it',
        });
      return other === undefined;
    };
    // One kind of result in a record, which its type cannot say of a filtered list.
    return { path, record: { ...record, results: (record.results as never[]).filter(isNew) } as EvaluationRecord };
  });
  if (problems.length > 0) throw new UserError('input', problems);
  return once.filter(({ record }) => record.results.length > 0);
}
