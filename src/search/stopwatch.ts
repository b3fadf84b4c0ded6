import { appendFile, readFile } from 'node:fs/promises';
import { errnoOf, fileError } from '../run/index.js';
import { GRADIENT_COST } from './allowance.js';
import type { Batch } from './recorder.js';

/** Milliseconds after which a batch that goes on has a line of its own, as a kill takes what has none. */
const LAP = 5000;

/** Behind a half-written line too. Lines of earlier versions do not say which are gradients. */
const LINE = /"documents":(\d+)(,"gradients":true)?,"seconds":([\d.e+-]+)\}$/;

/**
 * Time, kept apart from the journal because it is never the same twice. `timings.jsonl` holds the seconds of each batch and session, and
 * how many documents (candidates on one, with or without gradients) were evaluated in them; of long batches in parts.
 */
export class Stopwatch {
  private readonly started = performance.now();
  private lap = { started: this.started, documents: 0 };
  private batch: Batch | null = null;
  private writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly path: string,
    private readonly limit: number | null,
    private readonly earlierSeconds: number,
    /** Over all sessions; a gradient is as many as it costs. */
    private readonly spent: { evaluations: number; seconds: number },
  ) {}

  /** `limit` in seconds over all sessions; null for none. */
  static async open(path: string, limit: number | null): Promise<Stopwatch> {
    const spent = { evaluations: 0, seconds: 0 };
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return '';
      throw fileError(path, 'a file that can be read', error);
    });
    for (const line of text.split('\n')) {
      const [, documents, gradients, seconds] = LINE.exec(line) ?? [];
      if (documents === undefined || seconds === undefined) continue;
      spent.evaluations += evaluations(Number(documents), gradients !== undefined);
      spent.seconds += Number(seconds);
    }
    return new Stopwatch(path, limit, spent.seconds, spent);
  }

  /** Seconds of running, over all sessions. */
  seconds(): number {
    return this.earlierSeconds + (performance.now() - this.started) / 1000;
  }

  secondsLeft(): number {
    return this.limit === null ? Number.POSITIVE_INFINITY : this.limit - this.seconds();
  }

  /** Mean over what was evaluated; 0 before anything was. */
  secondsPerEvaluation(): number {
    return this.spent.evaluations === 0 ? 0 : this.spent.seconds / this.spent.evaluations;
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

  beginBatch(batch: Batch): void {
    this.batch = batch;
    this.lap = { started: performance.now(), documents: 0 };
  }

  /** A candidate of the batch was evaluated on a document. */
  count(): void {
    this.lap.documents++;
    if (performance.now() - this.lap.started >= LAP) this.write();
  }

  async endBatch(): Promise<void> {
    if (this.lap.documents > 0) this.write();
    await this.writing;
  }

  private write(): void {
    const { phase, generation, gradients } = this.batch as Batch;
    const { started, documents } = this.lap;
    this.lap = { started: performance.now(), documents: 0 };
    const seconds = (this.lap.started - started) / 1000;
    this.spent.evaluations += evaluations(documents, gradients);
    this.spent.seconds += seconds;
    const line = JSON.stringify({ phase, generation, documents, ...(gradients && { gradients }), seconds });
    this.writing = this.writing.then(() =>
      appendFile(this.path, `${line}\n`).catch((error: unknown) => {
        throw fileError(this.path, 'a file that can be appended to', error);
      }),
    );
    // Noticed again at the end of the batch; here it only keeps the process from ending on an unhandled rejection.
    this.writing.catch(() => undefined);
  }
}

function evaluations(documents: number, gradients: boolean): number {
  return gradients ? GRADIENT_COST * documents : documents;
}
