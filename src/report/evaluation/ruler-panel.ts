import { effectiveLengths, rulerAverages, taskScore, wilsonInterval } from '../../evaluation/index.js';
import type { RulerPanel } from '../evaluation-panels.js';
import type { KindOf } from '../evaluation-report.js';
import { ascendingLengths, CONFIDENCE, groupsOf, seriesOf } from './groups.js';

export function rulerPanels(records: readonly KindOf<'ruler'>[]): RulerPanel[] {
  return groupsOf(records).map((group) => {
    const series = seriesOf(group);
    const { threshold } = (group.members[0] as KindOf<'ruler'>).record;
    const all = series.flatMap(({ results }) => results);
    return {
      subject: group.subject,
      protocol: group.protocol,
      confidence: CONFIDENCE,
      lengths: ascendingLengths(all),
      tasks: [...new Set(all.map(({ task }) => task))],
      threshold,
      series: series.map(({ name, results }) => {
        const averages = rulerAverages(results);
        return {
          name,
          effectiveLength: effectiveLengths(averages, threshold)[0]?.length ?? null,
          averages: averages.map(({ length, average }) => ({ length, score: average })),
          cells: results.map(({ task, length, samples }) => {
            const hits = samples.reduce((sum, { score }) => sum + score, 0);
            const { low, high } = wilsonInterval(hits, samples.length, CONFIDENCE) ?? { low: 0, high: 1 };
            return {
              task,
              length,
              score: taskScore(samples),
              samples: samples.length,
              interval: { low: 100 * low, high: 100 * high },
            };
          }),
        };
      }),
    };
  });
}
