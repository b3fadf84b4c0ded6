import type { z } from 'zod';
import type { ProblemList } from './problem-list.js';
import { type Row, readRows } from './rows.js';

/** How the rows of one data set become what its task asks. */
export interface DatasetFormat<Entry> {
  readonly schema: z.ZodType;
  /** Describes the row shapes in messages. */
  readonly shape: string;
  /** A row that fits the schema as an entry, or what is wrong with it. `index` counts from 0. */
  readonly entry: (value: never, index: number) => Entry | RowProblem;
  /** Entries whose keys are equal are the same question twice; null = the data set has no such key. */
  readonly key: ((entry: Entry) => string) | null;
}

export interface RowProblem {
  readonly expected: string;
  readonly found: string;
  readonly fix?: string;
}

export interface Questions<Entry> {
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly questions: number }[];
  readonly entries: readonly Entry[];
}

/** Reads and checks a whole file, or its shards as if they were one; everything wrong with them goes to `problems`. */
export async function readQuestions<Entry extends object>(
  paths: readonly string[],
  format: DatasetFormat<Entry>,
  problems: ProblemList,
): Promise<Questions<Entry>> {
  const shards: (readonly Row[])[] = [];
  const files: { path: string; sha256: string; questions: number }[] = [];
  for (const path of paths) {
    const file = await readRows(path, problems);
    files.push({ path, sha256: file.sha256, questions: file.rows.length });
    shards.push(file.rows);
  }
  const rows = shards.flat();
  const seen = new Map<string, string>();
  const entries = rows.flatMap(({ where, value }, index) => {
    const parsed = format.schema.safeParse(value);
    if (!parsed.success) {
      for (const issue of leafIssues(parsed.error.issues))
        problems.add({ where, ...describe(issue, value, format.shape) });
      return [];
    }
    const entry = format.entry(parsed.data as never, index);
    if (isProblem(entry)) {
      problems.add({ where, ...entry });
      return [];
    }
    const key = format.key?.(entry);
    if (key !== undefined) {
      const first = seen.get(key);
      if (first === undefined) seen.set(key, where);
      else problems.add({ where, expected: 'a question that is not in the file yet', found: `${key}, as at ${first}` });
    }
    return [entry];
  });
  return { files, entries };
}

function isProblem(entry: object): entry is RowProblem {
  return 'expected' in entry && 'found' in entry;
}

/** Of a union the issues of the member that fits best. */
function leafIssues(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  return issues.flatMap((issue) => {
    // A union with a message of its own says better what is expected than any of its members.
    if (issue.code !== 'invalid_union' || issue.errors.length === 0 || issue.message !== 'Invalid input')
      return [issue];
    const best = issue.errors.reduce((a, b) => (misfit(b) < misfit(a) ? b : a));
    return leafIssues(best.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })));
  });
}

/** Few issues fit well; one that finds a text where a whole object should be, or none at all, is another shape of row. */
function misfit(issues: readonly z.core.$ZodIssue[]): number {
  const isContainer = (issue: z.core.$ZodIssue) =>
    issue.code === 'invalid_type' && ['object', 'array', 'record'].includes(issue.expected);
  return issues.reduce((sum, issue) => sum + (isContainer(issue) ? 2 : 1), 0);
}

function describe(issue: z.core.$ZodIssue, value: unknown, shape: string): RowProblem {
  let found: unknown = value;
  for (const key of issue.path) found = (found as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key];
  const at = issue.path.join('.');
  const expected = issue.message.replace(/^Invalid (input|option): expected /, '').replace(/, received .*$/, '');
  return {
    expected: at === '' ? shape : `${at}: ${expected}`,
    found: short(found),
    ...(at !== '' && { fix: `a row is ${shape}` }),
  };
}

function short(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner));
  if (text === undefined) return 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
