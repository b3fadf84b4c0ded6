import { type Problem, UserError } from '../errors.js';
import { type GateLimits, type GateRow, type Measure, measuresOf, methodsOf, runGate } from '../evaluation/index.js';
import { type NamedRecord, readRecords } from './read-records.js';

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
  const before = side(await readRecords([job.before]), job.beforeMethod, '--before-method');
  const after = side(await readRecords([job.after]), job.afterMethod, '--after-method');
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
  const measures = usable.flatMap(({ record }) => measuresOf(record, method ?? ''));
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
