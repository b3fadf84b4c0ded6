import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { UserError } from '../errors.js';
import type { ScriptAnswer } from './transformers-script.js';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(interpreter: string, words: readonly string[], signal?: AbortSignal): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: 2 ** 28, encoding: 'utf8' as const, ...(signal && { signal }) };
    execFile(interpreter, words, options, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
      else reject(signal?.aborted ? signal.reason : error.signal ? ended(interpreter, error.signal) : error);
    });
  });
}

function ended(interpreter: string, signal: NodeJS.Signals): UserError {
  return new UserError('resource', {
    where: interpreter,
    expected: 'to run to its end',
    found: `an end by ${signal}${signal === 'SIGKILL' ? ', which is what happens when memory runs out' : ''}`,
  });
}

/** The version of transformers that an interpreter has; undefined: no such interpreter, or one without it. */
export async function transformersVersion(interpreter: string): Promise<string | undefined> {
  try {
    const { code, stdout } = await run(interpreter, [
      '-c',
      'import torch, transformers; print(transformers.__version__)',
    ]);
    return code === 0 ? stdout.trim() : undefined;
  } catch {
    return undefined;
  }
}

/** Runs a generated script and returns what transformers computed. Throws `UserError` with Python's last words if it fails. */
export async function runTransformers(
  interpreter: string,
  script: string,
  signal?: AbortSignal,
): Promise<readonly ScriptAnswer[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'longrope-verify-'));
  try {
    const file = path.join(folder, 'verify.py');
    await writeFile(file, script);
    const { stdout, stderr } = await run(interpreter, [file, '--json'], signal);
    const last = stdout.trim().split('\n').at(-1) ?? '';
    if (!last.startsWith('[')) {
      const words = stderr.trim().split('\n').at(-1) ?? 'nothing';
      throw new UserError('unsupported', {
        where: `${interpreter}: transformers`,
        expected: 'to load the model',
        found: words,
      });
    }
    // What is not finite compares as different from everything; JSON has no word for it.
    const finite = last.replace(/\b(-?Infinity|NaN)\b/g, 'null');
    return (JSON.parse(finite) as readonly ScriptAnswer[]).map(({ logits, losses, ...shape }) => ({
      ...shape,
      logits: logits.map((value) => value ?? Number.NaN),
      losses: losses.map((value) => value ?? Number.NaN),
    }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
