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

it('is no way for the name of a file to move the cursor', () => {
  const lines: string[] = [];
  const stream = { isTTY: true, columns: 80, write: (text: string) => lines.push(text) > 0 };
  startProgress('pull', stream).update(1, 1, 'a\x1b[2Jb\n.gguf');
  expect(lines).toEqual(['\r\x1b[2Kpull  100 %    a\uFFFD[2Jb\uFFFD.gguf']);
});

/** What is written on a terminal by reports of (second, done) out of 100. */
function left(reports: readonly (readonly [number, number])[]): (string | undefined)[] {
  vi.useFakeTimers({ now: 0 });
  const lines: string[] = [];
  const progress = startProgress('run', { isTTY: true, columns: 80, write: (text: string) => lines.push(text) > 0 });
  for (const [second, done] of reports) {
    vi.setSystemTime(second * 1000);
    progress.update(done, 100);
  }
  return lines.map((line) => line.match(/% {2}(.*) left/)?.[1]);
}

it('counts what a resumed run found done as no work of its own', () => {
  expect(
    left([
      [5, 60],
      [15, 61],
      [25, 62],
    ]),
  ).toEqual([undefined, '6 min 30 s', '6 min 20 s']);
});

it('follows the pace of the later half', () => {
  const fastThenSlow = [0, 10, 20, 30, 40].map((second) => [second, second] as const);
  const lines = left([...fastThenSlow, [50, 41], [60, 42], [70, 43], [80, 44]]);
  // From 40 % at 40 s to 44 % at 80 s.
  expect(lines.at(-1)).toBe('9 min 20 s');
});

it('has no pace while nothing is done', () => {
  expect(
    left([
      [5, 0],
      [10, 0],
      [20, 0],
    ]),
  ).toEqual([undefined, undefined, undefined]);
});
