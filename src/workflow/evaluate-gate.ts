import { type Problem, UserError } from '../errors.js';
import { type GateLimits, type GateRow, type Measure, measuresOf, methodsOf, runGate } from '../evaluation/index.js';
import type { NamedRecord } from '../report/index.js';
import { readRecords } from './read-records.js';

export interface GateJob extends GateLimits {
  readonly before: string;
  readonly after: string;
  /** Which method of the records counts; needed only where a record holds several. */
  readonly beforeMethod?: string;
  readonly afterMethod?: string;
}

export interface GateResult {
  readonly format: 'longrope-gate/1';
  readonly before: { readonly path: string; readonly method: string };
  readonly after: { readonly path: string; readonly method: string };
  readonly onlySignificant: boolean;
  readonly passed: boolean;
  readonly rows: readonly GateRow[];
}

/** `evaluate gate`: what an extension costs at the lengths and tasks the model was made for. */
export async function evaluateGate(job: GateJob): Promise<GateResult> {
  const [old, now] = [await readRecords([job.before]), await readRecords([job.after])];
  // Of the model as it was: one that was extended may call another length its own.
  const originalLength = Math.max(...old.map(({ record }) => record.model.originalLength));
  const before = side(old, originalLength, job.beforeMethod, '--before-method');
  const after = side(now, originalLength, job.afterMethod, '--after-method');
  const rows = runGate(before.measures, after.measures, job);
  return {
    format: 'longrope-gate/1',
    before: { path: job.before, method: before.method },
    after: { path: job.after, method: after.method },
    onlySignificant: job.onlySignificant,
    passed: rows.every(({ passed }) => passed),
    rows,
  };
}

function side(
  records: readonly NamedRecord[],
  originalLength: number,
  asked: string | undefined,
  flag: string,
): { method: string; measures: Measure[] } {
  const usable = records.filter(({ record }) => record.kind === 'perplexity' || record.kind === 'benchmark');
  const methods = [...new Set(usable.flatMap(({ record }) => methodsOf(record)))];
  const method = asked ?? methods[0];
  const problems: Problem[] = [];
  if (asked === undefined && methods.length > 1)
    problems.push({ where: flag, expected: `one of ${methods.join(', ')}`, found: 'nothing said' });
  else if (method !== undefined && !methods.includes(method))
    problems.push({ where: flag, expected: `one of ${methods.join(', ')}`, found: method });
  if (problems.length > 0) throw new UserError('usage', problems);
  const files = usable.flatMap(({ record }) => record.factorFiles.filter((file) => file.method === method));
  if (new Set(files.map(({ sha256 }) => sha256)).size > 1)
    throw new UserError('input', {
      where: usable.map(({ path }) => path).join(', '),
      expected: `one set of factors called ${method}`,
      found: 'a file that was written anew between the evaluations',
    });
  const measures = usable.flatMap(({ record }) => measuresOf(record, method ?? '', originalLength));
  const twice = measures.map(({ name }) => name).find((name, i, names) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new UserError('input', {
      where: usable.map(({ path }) => path).join(', '),
      expected: 'every measure once',
      found: `${twice} twice`,
      fix: 'name one run folder instead of the folder above several',
    });
  return { method: method ?? 'none', measures };
}
