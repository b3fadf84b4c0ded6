import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import { evaluationReport, isSameInput, parseReport, type ReportView, renderHtml } from '../report/index.js';
import { fileError, writeFileAtomic } from '../run/index.js';
import { type ResultFile, readRecords, resultFiles } from './read-records.js';

export interface ReportJob {
  /** `result.json` of evaluations, `report.json` of searches, run folders, folders of these. */
  readonly inputs: readonly string[];
  readonly title?: string;
  /** Series the others are compared with. */
  readonly reference?: string;
  /** Page to write. */
  readonly out?: string;
}

/** `longrope report`: one view of any set of evaluations, with the panels of search reports in front. */
export async function makeReport({ inputs, title, reference, out }: ReportJob): Promise<ReportView> {
  if (title === '') throw new UserError('usage', { where: '--title', expected: 'a title', found: 'an empty text' });
  const files = (await Promise.all(inputs.map(resultFiles))).flat();
  const unique = [...new Map(files.map((file) => [path.resolve(file.path), file])).values()];
  if (out !== undefined && unique.some((file) => path.resolve(file.path) === path.resolve(out)))
    throw new UserError('usage', { where: `--out ${out}`, expected: 'a page to write', found: 'one of the inputs' });
  const ofKind = (wanted: ResultFile['kind']) => unique.filter(({ kind }) => kind === wanted).map((file) => file.path);
  const evaluations = ofKind('evaluation');
  const views: ReportView[] = [];
  for (const file of ofKind('search')) views.push(parseReport(await readReport(file), file));
  if (evaluations.length > 0)
    views.push(
      evaluationReport(await readRecords(evaluations), {
        ...(title !== undefined && { title }),
        ...(reference !== undefined && { reference }),
      }),
    );
  else if (reference !== undefined)
    throw new UserError('usage', {
      where: '--reference',
      expected: 'an evaluation, whose series are compared',
      found: 'searches, whose reports have compared theirs',
    });
  refuseSharedNames(views);
  const view = views.reduce(merged);
  const named = title === undefined ? view : { ...view, title };
  if (out !== undefined) await writeFileAtomic(out, renderHtml(named));
  return named;
}

async function readReport(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw fileError(file, 'the report of a search', error);
  }
}

/** One name has one colour and one switch on the page, so it must not stand for two models or for two searched sets. */
function refuseSharedNames(views: readonly ReportView[]): void {
  const models = (view: ReportView) => view.inputs.filter(({ label }) => label === 'model').map(({ sha256 }) => sha256);
  const problems = views.flatMap((view, i) =>
    views.slice(0, i).flatMap((earlier) => {
      const isSameModel = [...new Set([...models(view), ...models(earlier)])].length <= 1;
      return view.methods
        .filter(({ name, kind }) => {
          const other = earlier.methods.find((method) => method.name === name);
          return other !== undefined && (!isSameModel || (kind === 'searched' && other.kind === 'searched'));
        })
        .map(({ name }) => ({
          where: view.title,
          expected: `no series called '${name}', which '${earlier.title}' has for ${isSameModel ? 'another search' : 'another model'}`,
          found: `'${name}'`,
          fix: 'make a page of each',
        }));
    }),
  );
  if (problems.length > 0) throw new UserError('input', problems);
}

/** Panels side by side; a method of both keeps what the first says of it. */
function merged(a: ReportView, b: ReportView): ReportView {
  const known = new Set(a.methods.map(({ name }) => name));
  const hasUnscaled = a.methods.some(({ kind }) => kind === 'unscaled');
  const added = b.methods
    .filter(({ name }) => !known.has(name))
    .map((method) => (hasUnscaled && method.kind === 'unscaled' ? { ...method, kind: 'baseline' as const } : method));
  return {
    ...a,
    command: `${a.command}\n${b.command}`,
    methods: [...a.methods, ...added],
    inputs: [...a.inputs, ...b.inputs.filter((input) => !a.inputs.some((other) => isSameInput(input, other)))],
    factors: [...a.factors, ...b.factors],
    searches: [...a.searches, ...b.searches],
    perplexity: [...a.perplexity, ...b.perplexity],
    lossByPosition: [...a.lossByPosition, ...b.lossByPosition],
    retrieval: [...a.retrieval, ...b.retrieval],
    ruler: [...a.ruler, ...b.ruler],
    benchmarks: [...a.benchmarks, ...b.benchmarks],
    notes: [...a.notes, ...b.notes],
  };
}
