import { appendFile, readFile } from 'node:fs/promises';
import { errnoOf, fileError } from '../run/index.js';

/**
 * Time, kept apart from the journal because it is never the same twice. `timings.jsonl` holds one line per batch and
 * session; a half-written line is skipped.
 */
export class Stopwatch {
  private readonly started = performance.now();
  private batchStarted = this.started;
  private evaluated = 0;
  private evaluating = 0;

  private constructor(
    private readonly path: string,
    private readonly earlierSeconds: number,
    private readonly limit: number | null,
  ) {}

  /** `limit` in seconds over all sessions; null for none. */
  static async open(path: string, limit: number | null): Promise<Stopwatch> {
    let earlier = 0;
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return '';
      throw fileError(path, 'a file that can be read', error);
    });
    for (const line of text.split('\n')) {
      const seconds = /"seconds":([\d.e+-]+)\}$/.exec(line)?.[1];
      if (seconds !== undefined) earlier += Number(seconds);
    }
    return new Stopwatch(path, earlier, limit);
  }

  /** Seconds of running, over all sessions. */
  seconds(): number {
    return this.earlierSeconds + (performance.now() - this.started) / 1000;
  }

  secondsLeft(): number {
    return this.limit === null ? Number.POSITIVE_INFINITY : this.limit - this.seconds();
  }

  /** Mean over what was evaluated in this session; 0 before anything was. */
  secondsPerDocument(): number {
    return this.evaluated === 0 ? 0 : this.evaluating / this.evaluated;
  }

  /** A signal that aborts when no seconds are left; undefined signal when time is not limited. */
  deadline(secondsLeft: () => number): { readonly signal: AbortSignal | undefined; cancel(): void } {
    if (this.limit === null) return { signal: undefined, cancel: () => undefined };
    const controller = new AbortController();
    // Looked at again and again: what the end of the search needs is only learned on the way.
    const timer = setInterval(() => {
      if (secondsLeft() <= 0) controller.abort();
    }, 50);
    return { signal: controller.signal, cancel: () => clearInterval(timer) };
  }

  beginBatch(): void {
    this.batchStarted = performance.now();
  }

  async endBatch(phase: string, generation: number, documents: number): Promise<void> {
    const seconds = (performance.now() - this.batchStarted) / 1000;
    this.evaluated += documents;
    this.evaluating += seconds;
    await appendFile(this.path, `${JSON.stringify({ phase, generation, documents, seconds })}\n`).catch(
      (error: unknown) => {
        throw fileError(this.path, 'a file that can be appended to', error);
      },
    );
  }
}
