import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import { type EvaluationRecord, evaluationRecordSchema } from '../evaluation/index.js';
import { fileError } from '../run/index.js';

export interface NamedRecord {
  /** File it was read from. */
  readonly path: string;
  readonly record: EvaluationRecord;
}

export const RESULT_NAME = 'result.json';

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

/** Files of one path; `result.json` of a folder or of the folders in it. */
export async function recordFiles(given: string): Promise<string[]> {
  if (!(await isFolder(given))) return [given];
  const names = (await readdir(given)).sort();
  if (names.includes(RESULT_NAME)) return [path.join(given, RESULT_NAME)];
  const inside: string[] = [];
  for (const name of names) {
    const folder = path.join(given, name);
    if ((await isFolder(folder)) && (await readdir(folder)).includes(RESULT_NAME))
      inside.push(path.join(folder, RESULT_NAME));
  }
  if (inside.length > 0) return inside;
  throw new UserError('input', {
    where: given,
    expected: `a run folder of an evaluation with its ${RESULT_NAME}, or a folder of such`,
    found: names.length === 0 ? 'an empty folder' : `a folder with ${names.slice(0, 3).join(', ')}`,
    ...(names.includes('journal.jsonl') && { fix: 'the run has not ended: start it again to finish it' }),
  });
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

async function isFolder(given: string): Promise<boolean> {
  try {
    return (await stat(given)).isDirectory();
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
