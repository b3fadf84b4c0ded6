import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Problem, UserError } from '../errors.js';
import { writeFileAtomic } from './atomic-write.js';
import { errnoOf, fileError } from './file-error.js';
import { Journal } from './journal.js';
import { canonicalJson, type Json } from './json.js';
import { acquireLock, LOCK_NAME } from './lock.js';
import { TEMPORARY_NAME } from './temporary-name.js';

export const MANIFEST_NAME = 'manifest.json';
export const JOURNAL_NAME = 'journal.jsonl';

/** A run's folder, owned by this process until `close`. */
export interface RunDirectory {
  readonly path: string;
  readonly journal: Journal;
  /** True if the folder was begun by an earlier process. */
  readonly resumed: boolean;
  /** Absolute path of a file in the folder. */
  file(name: string): string;
  close(): Promise<void>;
}

/**
 * Opens or creates the folder of a run. `manifest` is everything its result depends on: resolved configuration and hashes
 * of all inputs, nothing that changes from one start to the next. Throws `UserError`:
 * - 'busy' while another process has the folder,
 * - 'input' with every difference when the folder holds entries of a run with another manifest, or something else.
 */
export async function openRunDirectory(path: string, manifest: Json): Promise<RunDirectory> {
  await createDirectory(path);
  await refuseForeign(path, manifest);
  const lock = await acquireLock(path);
  let journal: Journal | undefined;
  try {
    const names = await readdir(path);
    await sweepTemporary(path, names);
    const writeManifest = () => writeFileAtomic(join(path, MANIFEST_NAME), `${JSON.stringify(manifest, null, 2)}\n`);
    // Before the journal: a folder that has only one of the two must be one that is recognised.
    if (!names.includes(MANIFEST_NAME)) await writeManifest();
    journal = await Journal.open(join(path, JOURNAL_NAME));
    const resumed = journal.entries.length > 0;
    if (resumed) await compareManifest(join(path, MANIFEST_NAME), manifest);
    // Before its first entry nothing has come of a run, so a corrected command may use its folder.
    else await writeManifest();
    const opened = journal;
    return {
      path,
      journal: opened,
      resumed,
      file: (name) => join(path, name),
      close: async () => {
        await opened.close();
        await lock.release();
      },
    };
  } catch (error) {
    await journal?.close();
    await lock.release();
    throw error;
  }
}

/** Removes what writers that were killed have left in a folder, which must be the caller's own. */
export async function sweepTemporary(path: string, names: readonly string[]): Promise<void> {
  // Not those of processes that are just announcing themselves.
  const swept = names.filter((name) => TEMPORARY_NAME.test(name) && !name.startsWith('.lock.'));
  for (const name of swept) await rm(join(path, name), { recursive: true, force: true });
}

async function createDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw fileError(path, 'a folder that can be created', error);
    throw new UserError('input', {
      where: path,
      expected: 'a run folder',
      found: 'a file',
      fix: 'choose another folder',
    });
  }
}

/** A folder with other things in it must not be strewn with run files because of a mistyped path. */
async function refuseForeign(path: string, manifest: Json): Promise<void> {
  const names = await readdir(path).catch((error: unknown) => {
    throw fileError(path, 'a run folder', error);
  });
  if (names.includes(MANIFEST_NAME) && names.includes(JOURNAL_NAME)) return;
  const entries = names.filter((name) => !TEMPORARY_NAME.test(name) && !LOCK_NAME.test(name));
  const others = entries.filter((name) => name !== MANIFEST_NAME);
  const hasManifest = others.length < entries.length;
  // What is left of a run that was killed before its journal was there; others have manifests of that name too.
  if (others.length === 0 && (!hasManifest || (await isAlike(join(path, MANIFEST_NAME), manifest)))) return;
  throw new UserError('input', {
    where: path,
    expected: 'an empty folder, a run folder or a new name',
    found: hasManifest
      ? `a folder with a ${MANIFEST_NAME} that is not of a run (no ${JOURNAL_NAME})`
      : `a folder without ${MANIFEST_NAME} that holds ${others.slice(0, 3).join(', ')}`,
    fix: 'choose another folder',
  });
}

/** Whether most keys of a manifest are those of another; a corrected command has other values. */
async function isAlike(file: string, manifest: Json): Promise<boolean> {
  const stored = await readManifest(file).catch(() => undefined);
  if (!isRecord(stored) || !isRecord(manifest)) return false;
  const keys = Object.keys(stored);
  return 2 * keys.filter((key) => key in manifest).length > keys.length;
}

async function compareManifest(path: string, manifest: Json): Promise<void> {
  const problems = differences(await readManifest(path), manifest, path);
  if (problems.length > 0) throw new UserError('input', problems);
}

async function readManifest(path: string): Promise<Json> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Json;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw fileError(path, 'the manifest of a run', error);
    throw new UserError('input', { where: path, expected: 'the manifest of a run', found: 'a file that is not JSON' });
  }
}

/** Every leaf in which what a run was begun with and what is asked for now differ; `path` is where the first stands. */
export function differences(
  stored: Json | undefined,
  asked: Json | undefined,
  path: string,
  keys: readonly string[] = [],
): Problem[] {
  if (isRecord(stored) && isRecord(asked)) {
    const names = [...new Set([...Object.keys(stored), ...Object.keys(asked)])].sort();
    return names.flatMap((name) => differences(stored[name], asked[name], path, [...keys, name]));
  }
  if (stored !== undefined && asked !== undefined && canonicalJson(stored) === canonicalJson(asked)) return [];
  return [
    {
      where: `${path}, ${keys.join('.')}`,
      expected: `${shortText(stored)}, as the run was begun`,
      found: shortText(asked),
      fix: 'resume with what the run was begun with, or choose another folder',
    },
  ];
}

function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shortText(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const text = canonicalJson(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
