/** One line on standard error with the share done and the time left; silent when it is not a terminal. */
export interface Progress {
  update(done: number, total: number, detail?: string): void;
  finish(): void;
}

const REDRAW_MILLISECONDS = 100;

export function startProgress(label: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  if (!stream.isTTY) return { update() {}, finish() {} };
  const started = Date.now();
  let drawn = 0;
  return {
    update(done, total, detail = '') {
      const now = Date.now();
      if (now - drawn < REDRAW_MILLISECONDS && done < total) return;
      drawn = now;
      const left = done > 0 ? ((now - started) / done) * (total - done) : Number.NaN;
      const line = `${label}  ${Math.floor((100 * done) / total)} %  ${Number.isNaN(left) ? '' : `${formatDuration(left)} left`}  ${detail}`;
      stream.write(`\r\x1b[2K${line.slice(0, (stream.columns ?? 80) - 1)}`);
    },
    finish() {
      stream.write('\r\x1b[2K');
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
