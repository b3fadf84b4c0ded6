import { setMaxListeners } from 'node:events';
import type { Json } from './json.js';
import { openRunDirectory } from './run-directory.js';

export interface Items<Item, Result> {
  readonly items: readonly Item[];
  /** Identity of an item within the run. */
  readonly key: (item: Item) => string;
  /** Independent of all other items, so that neither their order nor how many run at once matters. */
  readonly evaluate: (item: Item, signal: AbortSignal) => Promise<Result>;
  /** Items under way at the same time. */
  readonly parallel: number;
  /** What stands for one item in progress and time left, e.g. its tokens; default 1. */
  readonly cost?: (item: Item) => number;
  readonly onProgress?: (done: number, total: number, item: Item) => void;
  readonly signal?: AbortSignal;
}

/** Where a run keeps what it has: `manifest` is all that its results depend on. null = nowhere, the run cannot be resumed. */
export type RunFolder = { readonly path: string; readonly manifest: Json } | null;

/**
 * Evaluates independent items, each journaled in the run folder as soon as it is done, and returns the results in the order
 * of the items. What the journal already holds is not evaluated again, so a run that was killed at any byte goes on
 * where it was. `finish` runs while the folder is still held, to write the files that follow from the results.
 */
export async function resumeItems<Item, Result extends Json>(
  folder: RunFolder,
  request: Items<Item, Result>,
  finish: (results: readonly Result[], file: (name: string) => string) => Promise<void> = async () => undefined,
): Promise<Result[]> {
  const directory = folder && (await openRunDirectory(folder.path, folder.manifest));
  try {
    const known = new Map<string, Result>();
    for (const entry of directory?.journal.entries ?? []) {
      const { key, result } = entry as { readonly key: string; readonly result: Result };
      known.set(key, result);
    }
    await evaluateMissing(request, known, async (key, result) => directory?.journal.append([{ key, result }]));
    const results = request.items.map((item) => known.get(request.key(item)) as Result);
    if (directory !== null) await finish(results, directory.file);
    return results;
  } finally {
    await directory?.close();
  }
}

async function evaluateMissing<Item, Result>(
  { items, key, evaluate, parallel, cost = () => 1, onProgress, signal }: Items<Item, Result>,
  known: Map<string, Result>,
  record: (key: string, result: Result) => Promise<void>,
): Promise<void> {
  const keys = new Set(items.map(key));
  if (keys.size !== items.length) throw new Error('two items of a run have the same key');
  const total = items.reduce((sum, item) => sum + cost(item), 0);
  const missing = items.filter((item) => !known.has(key(item)));
  let done = total - missing.reduce((sum, item) => sum + cost(item), 0);
  // The first failure stops the others after what they are at.
  const stopped = new AbortController();
  const either = signal ? AbortSignal.any([signal, stopped.signal]) : stopped.signal;
  // As many requests as an item makes listen to it; that is no leak.
  setMaxListeners(Number.POSITIVE_INFINITY, either);
  let writing: Promise<void> = Promise.resolve();
  let next = 0;
  const lane = async () => {
    for (let item = missing[next++]; item !== undefined; item = missing[next++]) {
      either.throwIfAborted();
      const result = await evaluate(item, either);
      known.set(key(item), result);
      const name = key(item);
      writing = writing.then(() => record(name, result));
      await writing;
      done += cost(item);
      onProgress?.(done, total, item);
    }
  };
  const lanes = Array.from({ length: Math.max(1, parallel) }, () =>
    lane().catch((error: unknown) => {
      stopped.abort(error);
      throw error;
    }),
  );
  const outcomes = await Promise.allSettled(lanes);
  if (signal?.aborted) throw signal.reason;
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw stopped.signal.reason;
}
