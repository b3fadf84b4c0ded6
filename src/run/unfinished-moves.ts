import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from './file-error.js';
import { TEMPORARY_NAME, unfinished } from './temporary-name.js';

/** In a staging folder from the time that its files are moved: what the next writer needs if this one is killed. */
const PLAN = '.moves.json';

interface Plan {
  /** In the order in which they are moved; the last one makes the folder whole. */
  readonly names: readonly string[];
  /** Nothing else was in the target, so that what is there by now was moved there. */
  readonly wasEmpty: boolean;
}

/** Where the target's own file of the name of the last one waits meanwhile. */
export function asideOf(staging: string, last: string): string {
  return path.join(staging, `.${last}.old`);
}

/** Written before anything is moved, so that a plan which cannot be read is one of which nothing was. */
export async function planMoves(staging: string, plan: Plan): Promise<void> {
  await writeFile(path.join(staging, PLAN), JSON.stringify(plan), { flush: true });
}

/**
 * What a killed writer had moved into a folder that was empty before and has nothing else by now. Without its last file, that
 * is: a whole folder is nobody's leftover.
 */
export async function halfMoved(target: string): Promise<string[]> {
  const present = (await namesIn(target)).filter((name) => !TEMPORARY_NAME.test(name));
  if (present.length === 0) return [];
  for (const { plan, waiting } of await interruptedMoves(target)) {
    const moved = plan.names.filter((name) => !waiting.has(name));
    const isHalf = plan.wasEmpty && waiting.has(plan.names.at(-1)!);
    if (isHalf && present.every((name) => moved.includes(name))) return present;
  }
  return [];
}

/**
 * Makes `target` what it was before a killed writer, where that is possible: without its files if there were no others, or,
 * if it had moved none, with the last file again that it had put aside. Where it had replaced files, the earlier contents are
 * lost, and to put the last one back would make a mixture look whole.
 */
export async function undoMoves(target: string): Promise<void> {
  for (const name of await halfMoved(target)) await rm(path.join(target, name), { recursive: true, force: true });
  for (const { staging, plan, waiting } of await interruptedMoves(target)) {
    const last = plan.names.at(-1)!;
    const isLacking = !(await namesIn(target)).includes(last);
    if (isLacking && plan.names.every((name) => waiting.has(name)))
      await renameIfThere(asideOf(staging, last), path.join(target, last));
  }
}

export async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
}

async function interruptedMoves(target: string) {
  const found: { staging: string; plan: Plan; waiting: ReadonlySet<string> }[] = [];
  for (const name of await unfinished(target, target)) {
    const staging = path.join(target, name);
    const plan = await readPlan(staging);
    if (plan !== null) found.push({ staging, plan, waiting: new Set(await namesIn(staging)) });
  }
  return found;
}

async function readPlan(staging: string): Promise<Plan | null> {
  try {
    return JSON.parse(await readFile(path.join(staging, PLAN), 'utf8')) as Plan;
  } catch (error) {
    // None yet, cut short, or another user's.
    if (errnoOf(error) === undefined && !(error instanceof SyntaxError)) throw error;
    return null;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === undefined) throw error;
    return [];
  });
}
