import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const PROJECT = path.resolve(import.meta.dirname, '..');

/** LONGROPE_PYTHON, else what parity/setup.sh makes. Throws if neither exists. */
export function pythonInterpreter(): string {
  const named = process.env['LONGROPE_PYTHON'];
  const own = path.join(PROJECT, '.venv/bin/python');
  const interpreter = named ?? own;
  if (existsSync(interpreter)) return interpreter;
  throw new Error(
    `no Python for the parity checks: ${named ? `LONGROPE_PYTHON is ${named}, which does not exist` : `${own} does not exist`}. Run: bash parity/setup.sh`,
  );
}

/** A script of parity/ that answers JSON lines; the model is loaded once for all questions. */
export class Reference {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';

  constructor(interpreter: string, script: string, ...args: readonly string[]) {
    this.#child = spawn(interpreter, [path.join(import.meta.dirname, script), ...args]);
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-4000);
    });
    // A script that died is told by the missing answer; the write to it must not end the test run.
    this.#child.stdin.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** One question, one answer; not to be called again before the answer is there. */
  async ask<Answer>(request: unknown): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#child.spawnargs.join(' ')} ended without an answer:\n${this.#complaints}`);
    return JSON.parse(value) as Answer;
  }

  close(): void {
    this.#child.stdin.end();
  }
}

/** One in Python, with the pinned libraries. */
export class PythonReference extends Reference {
  constructor(script: string, ...args: readonly string[]) {
    super(pythonInterpreter(), script, ...args);
  }
}
