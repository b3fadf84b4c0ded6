import { type ExecFileException, execFile, spawn } from 'node:child_process';
import path from 'node:path';

export const PROJECT = path.resolve(import.meta.dirname, '../..');
const LAUNCHER = path.join(PROJECT, 'bin/longrope.js');

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command line in a folder; the cache is the test run's own unless `env` says otherwise. */
export function longrope(
  words: readonly string[],
  { cwd = PROJECT, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) {
  return new Promise<CliResult>((resolve) => {
    execFile(
      process.execPath,
      [LAUNCHER, ...words],
      { cwd, env: { ...process.env, ...env }, maxBuffer: 2 ** 26 },
      (error: ExecFileException | null, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}

/** Starts it without waiting. */
export function startLongrope(words: readonly string[], cwd = PROJECT) {
  return spawn(process.execPath, [LAUNCHER, ...words], { cwd, stdio: 'ignore' });
}
