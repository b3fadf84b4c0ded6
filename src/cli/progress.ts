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
  const started = Date.now();
  let written = stream.isTTY ? 0 : started;
  const isDue = (now: number, isLast: boolean) =>
    stream.isTTY ? isLast || now - written >= REDRAW_MILLISECONDS : now - written >= LOG_MILLISECONDS;
  return {
    update(done, total, detail = '') {
      const now = Date.now();
      if (!isDue(now, done >= total)) return;
      written = now;
      const left = done > 0 ? `${formatDuration(((now - started) / done) * (total - done))} left` : '';
      const line = `${label}  ${Math.floor((100 * done) / total)} %  ${left}  ${detail}`;
      stream.write(stream.isTTY ? `${ERASE_LINE}${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`);
    },
    finish() {
      if (stream.isTTY) stream.write(ERASE_LINE);
    },
  };
}

export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
