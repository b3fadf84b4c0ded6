import { printable } from '../report/text-table.js';

/** Share done and time left: on a terminal one line that is drawn anew, elsewhere (nohup, a log file) a line a minute. */
export interface Progress {
  update(done: number, total: number, detail?: string): void;
  finish(): void;
}

const REDRAW_MILLISECONDS = 100;
const LOG_MILLISECONDS = 60_000;
const ERASE_LINE = '\r\x1b[2K';

type Stream = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>;

export function startProgress(label: string, stream: Stream = process.stderr): Progress {
  let written = stream.isTTY ? 0 : Date.now();
  const timeLeft = timeLeftEstimator();
  const isDue = (now: number, isLast: boolean) =>
    stream.isTTY ? isLast || now - written >= REDRAW_MILLISECONDS : now - written >= LOG_MILLISECONDS;
  return {
    update(done, total, detail = '') {
      const now = Date.now();
      const milliseconds = timeLeft(now, done, total);
      if (!isDue(now, done >= total)) return;
      written = now;
      const left = milliseconds === null ? '' : `${formatDuration(milliseconds)} left`;
      const line = `${label}  ${Math.floor((100 * done) / total)} %  ${left}  ${printable(detail)}`;
      stream.write(stream.isTTY ? `${ERASE_LINE}${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`);
    },
    finish() {
      if (stream.isTTY) stream.write(ERASE_LINE);
    },
  };
}

/**
 * Milliseconds left at the pace of the later half of the time since the first report, or null before any pace is known. What a
 * resumed run finds done, and a beginning that was faster or slower, say nothing about the rest.
 */
function timeLeftEstimator(): (now: number, done: number, total: number) => number | null {
  const reports: { readonly at: number; readonly done: number }[] = [];
  let first: number | undefined;
  return (now, done, total) => {
    first ??= now;
    const last = reports.at(-1);
    if (last === undefined || now - last.at >= REDRAW_MILLISECONDS) reports.push({ at: now, done });
    // The last report before the later half stays: its pace is measured from there.
    while (reports[1] !== undefined && reports[1].at <= (first + now) / 2) reports.shift();
    const since = reports[0] as (typeof reports)[number];
    return done > since.done ? ((now - since.at) / (done - since.done)) * (total - done) : null;
  };
}

export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
