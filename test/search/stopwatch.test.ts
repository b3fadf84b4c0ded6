import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { Batch } from '../../src/search/recorder.js';
import { Stopwatch } from '../../src/search/stopwatch.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

afterEach(() => vi.restoreAllMocks());

const batch = (gradients: boolean): Batch => ({
  phase: 'search',
  generation: 3,
  candidates: [],
  requests: [],
  gradients,
});

test('what an evaluation takes is known from earlier sessions, of which a gradient is three', async () => {
  const file = path.join(await temporaryFolder(), 'timings.jsonl');
  const lines = [
    // As earlier versions wrote it.
    '{"phase":"search","generation":0,"documents":10,"seconds":5}',
    '{"phase":"search","generation":1,"documents":4,"gradients":true,"seconds":6}',
    // The half of a line that a kill left is followed by a whole one.
    '{"phase":"search","gener{"phase":"search","generation":2,"documents":2,"seconds":1}',
    '{"phase":"search","generation":2,"docu',
  ];
  await writeFile(file, lines.join('\n'));
  const stopwatch = await Stopwatch.open(file, 20);
  expect(stopwatch.secondsPerEvaluation()).toBe(0.5);
  expect(stopwatch.secondsLeft()).toBeLessThanOrEqual(8);
  expect(stopwatch.secondsLeft()).toBeGreaterThan(6);
});

test('the time of a batch that is killed is kept but for its last seconds', async () => {
  const file = path.join(await temporaryFolder(), 'timings.jsonl');
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  const stopwatch = await Stopwatch.open(file, null);
  expect(stopwatch.secondsPerEvaluation()).toBe(0);
  stopwatch.beginBatch(batch(true));
  for (let i = 0; i < 5; i++) {
    now += 4000;
    stopwatch.count();
  }
  await vi.waitFor(async () => expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(3));
  expect(stopwatch.secondsPerEvaluation()).toBeCloseTo(4 / 3, 12);
  await stopwatch.endBatch();
  const line = (documents: number, seconds: number) =>
    JSON.stringify({ phase: 'search', generation: 3, documents, gradients: true, seconds });
  expect(await readFile(file, 'utf8')).toBe(`${[line(2, 8), line(2, 8), line(1, 4)].join('\n')}\n`);
  stopwatch.beginBatch(batch(false));
  await stopwatch.endBatch();
  expect((await Stopwatch.open(file, null)).seconds()).toBe(20);
});
