import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import split2 from 'split2';
import { UserError } from '../../errors.js';

/** Milliseconds that a process has to end by itself, and again after it was asked to. */
const GRACE = 2000;

/** Of the last output of a process that ended, which its pipes may still hold. */
const DRAIN = 500;

/** Characters; a gradient of 128 pairs has 3,000. */
const MAX_LINE = 2 ** 22;

/** `setTimeout` takes no more. */
const MAX_MILLISECONDS = 2 ** 31 - 1;

export interface WorkerProcessOptions {
  readonly words: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly timeoutSeconds: number;
  readonly onStderr?: (line: string) => void;
}

/** The process is no more; whoever asked may start another. */
export class WorkerEnded extends Error {
  override readonly name = 'WorkerEnded';

  constructor(
    /** In words: exit code or signal, and the last thing it said on standard error. */
    readonly how: string,
    readonly isMissing = false,
  ) {
    super(how);
  }
}

/** What a worker's line was expected to be an answer to. */
interface Waiting {
  readonly where: string;
  readonly resolve: (message: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A process that answers lines of JSON with lines of JSON, one at a time. It runs in a process group of its own: Ctrl-C of
 * the terminal does not reach it, so that the search decides when it ends, and ending it ends what it started.
 */
export class WorkerProcess {
  private readonly child;
  private waiting: Waiting | null = null;
  private previous: Promise<unknown> = Promise.resolve();
  private fault: UserError | null = null;
  private lastStderr = '';
  private end: WorkerEnded | null = null;
  private readonly ended: Promise<void>;

  constructor(private readonly options: WorkerProcessOptions) {
    const [program, ...rest] = options.words;
    this.child = execa(program, rest, {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      buffer: false,
      reject: false,
      detached: true,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    // How a write to a process that ended fails says less than how the process ended.
    this.child.stdin.on('error', () => undefined);
    this.readLines(this.child.stdout, (line) => this.hear(line));
    this.readLines(this.child.stderr, (line) => {
      this.lastStderr = line.trim() === '' ? this.lastStderr : line;
      options.onStderr?.(line);
    });
    this.ended = this.watch();
  }

  /**
   * Sends a message and returns what the next line says. An answer that comes after `signal` aborted is dropped, and the next
   * message waits for it. Throws `WorkerEnded`; `UserError` for no answer in time ('resource') or a line that is no JSON ('input').
   */
  async ask(message: object, where: string, signal?: AbortSignal): Promise<unknown> {
    const answer = this.previous.then(() => {
      signal?.throwIfAborted();
      return this.inTime(this.exchange(message, where), where);
    });
    this.previous = answer.catch(() => undefined);
    if (signal === undefined) return answer;
    const settled = new AbortController();
    const aborted = once(signal, 'abort', { signal: settled.signal });
    try {
      return await Promise.race([answer, aborted.then(() => signal.throwIfAborted())]);
    } finally {
      settled.abort();
      aborted.catch(() => undefined);
    }
  }

  /** Lets it end by itself, as its input ends, then asks it to, then makes it. */
  async close(): Promise<void> {
    const isOver = () => Promise.race([this.ended.then(() => true), sleep(GRACE, false, { ref: false })]);
    this.child.stdin.end();
    if (await isOver()) return;
    this.kill('SIGTERM');
    if (await isOver()) return;
    this.kill('SIGKILL');
    await isOver();
  }

  /** Ends the process and all that it started. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      if (process.platform === 'win32') this.child.kill(signal);
      else process.kill(-pid, signal);
    } catch {
      // There is nobody left.
    }
  }

  /** Also for an answer that is dropped: what waits for it would wait for ever. */
  private async inTime(answer: Promise<unknown>, where: string): Promise<unknown> {
    const { timeoutSeconds } = this.options;
    const timer = new AbortController();
    const late = sleep(Math.min(1000 * timeoutSeconds, MAX_MILLISECONDS), undefined, { signal: timer.signal });
    try {
      return await Promise.race([
        answer,
        late.then(() => {
          // The next line would be taken for the answer to what is asked next.
          this.fault ??= new UserError('resource', {
            where,
            expected: `an answer within ${timeoutSeconds} s`,
            found: 'none',
            fix: 'the command must flush its standard output after every line; a longer time can be allowed',
          });
          throw this.fault;
        }),
      ]);
    } finally {
      timer.abort();
      late.catch(() => undefined);
    }
  }

  private exchange(message: object, where: string): Promise<unknown> {
    if (this.fault !== null) throw this.fault;
    if (this.end !== null) throw this.end;
    return new Promise((resolve, reject) => {
      this.waiting = { where, resolve, reject };
      this.child.stdin.write(`${JSON.stringify(message)}\n`);
    });
  }

  private hear(line: string): void {
    const { waiting } = this;
    const where = waiting?.where ?? 'objective command';
    if (waiting === null) {
      this.fault ??= notAnAnswer(where, 'nothing before it is asked', line);
      return;
    }
    this.waiting = null;
    try {
      waiting.resolve(JSON.parse(line));
    } catch {
      waiting.reject(notAnAnswer(where, 'a line of JSON', line));
    }
  }

  private readLines(stream: Readable, onLine: (line: string) => void): void {
    stream
      .pipe(split2({ maxLength: MAX_LINE }))
      .on('data', onLine)
      .on('error', () => {
        this.fault ??= notAnAnswer('objective command', `lines of at most ${MAX_LINE} characters`, 'a longer one');
        this.waiting?.reject(this.fault);
        this.waiting = null;
        // Nobody reads what it still writes, so it would hang.
        this.kill('SIGTERM');
      });
  }

  private async watch(): Promise<void> {
    const { child } = this;
    if (child.pid === undefined) {
      const { originalMessage = 'it cannot be started' } = await child;
      this.finish(new WorkerEnded(originalMessage, true));
      return;
    }
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    const drained = [child.stdout, child.stderr].map((stream) => stream.readableEnded || once(stream, 'end'));
    await Promise.race([Promise.all(drained), sleep(DRAIN)]);
    this.kill('SIGKILL');
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    this.finish(new WorkerEnded(this.lastStderr === '' ? how : `${how} (${this.lastStderr.trim()})`));
  }

  private finish(end: WorkerEnded): void {
    this.end = end;
    this.waiting?.reject(end);
    this.waiting = null;
  }
}

function notAnAnswer(where: string, expected: string, line: string): UserError {
  return new UserError('input', {
    where,
    expected,
    found: line,
    fix: /\b(NaN|Infinity|nan|inf)\b/.test(line)
      ? 'JSON has no NaN: null stands for a loss that is not finite'
      : 'only answers belong on standard output, everything else on standard error',
  });
}
