import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MANIFEST_NAME } from '../run/index.js';

/** What earlier versions did not say of the inputs of a run: one that they began goes on without. */
export const SAID_SINCE: readonly string[] = ['specialTokens'];

/** Which inputs the run that lies at `out` was begun with; null: none does. What is wrong with its manifest is told by who opens it. */
export async function begunInputs(out: string): Promise<ReadonlySet<string> | null> {
  try {
    const { inputs } = JSON.parse(await readFile(path.join(out, MANIFEST_NAME), 'utf8')) as {
      readonly inputs?: object;
    };
    return inputs === undefined ? null : new Set(Object.keys(inputs));
  } catch {
    return null;
  }
}
