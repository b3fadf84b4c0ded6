import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished } from 'vitest';

type Files = typeof files;

/** Puts other functions in the place of those of node:fs/promises until the current test ends; everybody calls them then. */
export function changeFileSystem(change: (files: Files) => Partial<Files>): void {
  const before = { ...files };
  const put = (functions: Partial<Files>) => {
    Object.assign(files, functions);
    syncBuiltinESMExports();
  };
  onTestFinished(() => put(before));
  put(change(before));
}

export const failure = (code: string) => Object.assign(new Error(`${code}: of the test`), { code });
