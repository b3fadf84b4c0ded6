import type { RecordOf } from '../records/record.js';

export interface RulerAverage {
  readonly method: string;
  readonly length: number;
  /** Mean of the tasks' scores, 0 to 100; each task counts alike. */
  readonly average: number;
}

/** Averages over tasks, in the order of the results. */
export function rulerAverages(results: RecordOf<'ruler'>['results']): RulerAverage[] {
  const sums = new Map<string, { method: string; length: number; sum: number; tasks: number }>();
  for (const { method, length, samples } of results) {
    const key = JSON.stringify([method, length]);
    const entry = sums.get(key) ?? { method, length, sum: 0, tasks: 0 };
    entry.sum += taskScore(samples);
    entry.tasks++;
    sums.set(key, entry);
  }
  return [...sums.values()].map(({ method, length, sum, tasks }) => ({ method, length, average: sum / tasks }));
}

/** Mean score of one task, 0 to 100. */
export function taskScore(samples: readonly { readonly score: number }[]): number {
  return (100 * samples.reduce((sum, { score }) => sum + score, 0)) / samples.length;
}

/** RULER's effective length of each method: the longest length whose average reaches the threshold; null if none does. */
export function effectiveLengths(
  averages: readonly RulerAverage[],
  threshold: number,
): { readonly method: string; readonly length: number | null }[] {
  return [...new Set(averages.map(({ method }) => method))].map((method) => {
    const reached = averages.filter((entry) => entry.method === method && entry.average >= threshold);
    return { method, length: reached.length === 0 ? null : Math.max(...reached.map(({ length }) => length)) };
  });
}
