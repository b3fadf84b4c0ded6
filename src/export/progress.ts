import type { ReportProgress } from '../run/index.js';

/** What the disk must have room for, and what to do if it has not. */
export const EXPORTED = 'the exported weights';
export const ROOM = 'free space, choose another disk or a smaller type';

/** Tells bytes written as they are written, and stops the export when the signal is aborted. */
export class ExportProgress {
  readonly #report: ReportProgress | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor(report?: ReportProgress, signal?: AbortSignal) {
    this.#report = report;
    this.#signal = signal;
  }

  /** A function to call after each piece; it throws the signal's reason. */
  counter(total: number): (bytes: number, name: string) => void {
    let done = 0;
    return (bytes, name) => {
      this.#signal?.throwIfAborted();
      done += bytes;
      this.#report?.(done, total, name);
    };
  }
}
