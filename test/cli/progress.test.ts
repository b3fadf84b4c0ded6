import { afterEach, expect, it, vi } from 'vitest';
import { startProgress } from '../../src/cli/progress.js';

afterEach(() => vi.useRealTimers());

/** What is written by a job of two minutes that reports every ten seconds. */
function written(isTTY: boolean): string[] {
  vi.useFakeTimers();
  const lines: string[] = [];
  const stream = { isTTY, columns: 30, write: (text: string) => lines.push(text) > 0 };
  const progress = startProgress('search', stream);
  for (let second = 0; second <= 120; second += 10) {
    progress.update(second, 120, 'best 49.51 of the seed and the average');
    vi.advanceTimersByTime(10_000);
  }
  progress.finish();
  return lines;
}

it('is one line on a terminal, cut to its width and wiped at the end', () => {
  const lines = written(true);
  expect(lines).toHaveLength(14);
  expect(lines[6]).toBe('\r\x1b[2Ksearch  50 %  1 min 0 s left ');
  expect(lines.at(-1)).toBe('\r\x1b[2K');
});

it('is a whole line a minute elsewhere, and nothing for what is done sooner', () => {
  expect(written(false)).toEqual([
    'search  50 %  1 min 0 s left  best 49.51 of the seed and the average\n',
    'search  100 %  0 s left  best 49.51 of the seed and the average\n',
  ]);
});
