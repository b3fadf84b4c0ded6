import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import { type EvaluationRecord, evaluationRecordSchema } from '../evaluation/index.js';
import type { NamedRecord } from '../report/index.js';
import { fileError, JOURNAL_NAME, listFolder } from '../run/index.js';

export const RESULT_NAME = 'result.json';
export const REPORT_NAME = 'report.json';

/**
 * The records under some paths: a file, a run folder, or a folder of run folders (in the order of their names). Throws one
 * `UserError` with everything that is wrong with any of them.
 */
export async function readRecords(paths: readonly string[]): Promise<NamedRecord[]> {
  const records: NamedRecord[] = [];
  const problems: Problem[] = [];
  for (const file of (await Promise.all(paths.map(recordFiles))).flat()) {
    const parsed = parseRecord(await readText(file), file);
    if (Array.isArray(parsed)) problems.push(...parsed);
    else records.push({ path: file, record: parsed });
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return records;
}

/** What `report` shows: `result.json` of an evaluation, or `report.json` of a search. */
export interface ResultFile {
  readonly path: string;
  readonly kind: 'evaluation' | 'search';
}

/** Folder of the stages of an `extend`. */
const STAGES_NAME = 'stages';

/** Below a folder of run folders may lie another: an `extend` has its evaluations in `stages/NAME/perplexity`. */
const DEPTH = 3;

/** The results of one path: a file, a run folder, or those of a folder of such (in the order of their names). */
export async function resultFiles(given: string): Promise<readonly ResultFile[]> {
  const info = await statOf(given);
  if (!info.isDirectory()) {
    const byName = path.basename(given).endsWith(REPORT_NAME) ? 'search' : 'evaluation';
    // A pipe can be read once.
    return [{ path: given, kind: (info.isFile() ? await kindOf(given) : undefined) ?? byName }];
  }
  const names = await namesIn(given);
  const found = await below(given, names, DEPTH);
  // The searches of an `extend` are called alike, so that no page holds two; its evaluations are what it comes to.
  const evaluations = names.includes(STAGES_NAME) ? found.filter(({ kind }) => kind === 'evaluation') : [];
  if (evaluations.length > 0) return evaluations;
  if (found.length > 0) return found;
  throw new UserError('input', {
    where: given,
    expected: `a run folder of an evaluation (${RESULT_NAME}) or a search (${REPORT_NAME}), or a folder of such`,
    found: names.length === 0 ? 'an empty folder' : `a folder with ${names.slice(0, 3).join(', ')}`,
    ...(names.includes(JOURNAL_NAME) && { fix: 'a run that has not ended has none: start it again to finish it' }),
  });
}

/** A run folder is not looked into: a search has evaluations of its own in its report. */
async function below(folder: string, names: readonly string[], depth: number): Promise<readonly ResultFile[]> {
  const own = [
    { path: path.join(folder, REPORT_NAME), kind: 'search' as const },
    { path: path.join(folder, RESULT_NAME), kind: 'evaluation' as const },
  ].filter((file) => names.includes(path.basename(file.path)));
  for (const file of own) {
    const kind = await kindOf(file.path);
    if (kind !== undefined) return [{ ...file, kind }];
  }
  // Neither says what it is, which reading it will tell.
  if (own.length > 0) return own.slice(0, 1);
  if (depth === 0) return [];
  const found: ResultFile[] = [];
  for (const name of names) {
    const inside = path.join(folder, name);
    // What a run that is going on has just removed is none of them, nor is what belongs to somebody else.
    if (!(await stat(inside).catch(() => null))?.isDirectory()) continue;
    const entries = await namesIn(inside).catch((error: unknown) => {
      if (error instanceof UserError) return [];
      throw error;
    });
    found.push(...(await below(inside, entries, depth - 1)));
  }
  return found;
}

/** By what it says it is; undefined: by nothing that is read here. */
async function kindOf(file: string): Promise<ResultFile['kind'] | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(await readText(file));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const format = typeof value === 'object' && value !== null && 'format' in value ? String(value.format) : '';
  if (format.startsWith('longrope-report/')) return 'search';
  return format.startsWith('longrope-evaluation/') ? 'evaluation' : undefined;
}

async function namesIn(folder: string): Promise<string[]> {
  return (await listFolder(folder, 'a folder of results that can be read')).sort();
}

async function recordFiles(given: string): Promise<string[]> {
  const files = await resultFiles(given);
  const evaluations = files.filter(({ kind }) => kind === 'evaluation').map(({ path: file }) => file);
  if (evaluations.length > 0) return evaluations;
  throw new UserError('input', { where: given, expected: 'an evaluation', found: 'searches alone' });
}

function parseRecord(text: string, file: string): EvaluationRecord | Problem[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return [{ where: file, expected: 'an evaluation in JSON', found: (error as Error).message }];
  }
  const result = evaluationRecordSchema.safeParse(value);
  if (result.success) return result.data;
  return result.error.issues.map((issue) => ({
    where: [file, ...issue.path.map(String)].join(' > '),
    expected: 'an evaluation record of this version of longrope (longrope-evaluation/1)',
    found: issue.message,
  }));
}

async function statOf(given: string): Promise<Stats> {
  try {
    return await stat(given);
  } catch (error) {
    throw fileError(given, 'a result file or a run folder', error);
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw fileError(file, 'a result file', error);
  }
}
