import { execFile } from 'node:child_process';
import { mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const run = promisify(execFile);

/** A build that takes longer than this was killed, and its lock is ignored. */
const LOCK_EXPIRY_MILLISECONDS = 120_000;

/** Compiles src/ and the report page into dist/. Two processes at once: the second waits for the first. */
export async function build() {
  const started = new Date();
  const lock = path.join(root, 'node_modules', '.longrope-build');
  if (!(await takeLock(lock))) return waitFor(lock);
  try {
    process.stderr.write('building longrope ...\n');
    const bin = (name) => path.join(root, 'node_modules', '.bin', name);
    await rm(path.join(root, 'dist'), { recursive: true, force: true });
    await Promise.all([
      run(bin('tsc'), ['-p', 'tsconfig.build.json'], { cwd: root }),
      run(bin('vite'), ['build', '-c', 'src/web/vite.config.ts', '--logLevel', 'error'], { cwd: root }),
      run(bin('vite'), ['build', '-c', 'scripts/program.vite.config.ts', '--logLevel', 'error'], { cwd: root }),
    ]);
    const stamp = path.join(root, 'dist', '.built');
    await writeFile(`${stamp}.tmp`, '');
    // Dated from before the compilation: a source saved meanwhile makes the build stale.
    await utimes(`${stamp}.tmp`, started, started);
    await rename(`${stamp}.tmp`, stamp);
  } catch (error) {
    const output = [error.stdout, error.stderr].filter(Boolean).join('\n');
    throw new Error(`the build failed:\n${output || error.message}`);
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function takeLock(lock) {
  try {
    await mkdir(lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    const age = Date.now() - (await stat(lock).catch(() => ({ mtimeMs: 0 }))).mtimeMs;
    if (age < LOCK_EXPIRY_MILLISECONDS) return false;
    await rm(lock, { recursive: true, force: true });
    return takeLock(lock);
  }
}

async function waitFor(lock) {
  while (await stat(lock).catch(() => null)) await new Promise((resolve) => setTimeout(resolve, 100));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
