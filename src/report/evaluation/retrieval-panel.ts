import { wilsonInterval } from '../../evaluation/index.js';
import type { RetrievalPanel } from '../evaluation-panels.js';
import type { KindOf } from '../evaluation-report.js';
import { ascendingLengths, CONFIDENCE, groupsOf, seriesOf } from './groups.js';

/** Trials lie at the same depths at every length, or anywhere: then they are counted in fifths. */
const FIFTHS = 5;

export function retrievalPanels(
  title: string,
  records: readonly KindOf<'passkey'>[] | readonly KindOf<'needle'>[],
): RetrievalPanel[] {
  return groupsOf(records as readonly KindOf<'passkey'>[]).map((group) => {
    const series = seriesOf(group);
    const rows = depthRows(series.flatMap(({ results }) => results.map(({ trials }) => trials.map((t) => t.depth))));
    return {
      title,
      subject: group.subject,
      protocol: group.protocol,
      confidence: CONFIDENCE,
      lengths: ascendingLengths(series.flatMap(({ results }) => results)),
      depths: rows.labels,
      series: series.map(({ name, results }) => ({
        name,
        cells: results.flatMap(({ length, trials }) =>
          rows.labels.flatMap((_, depth) => {
            const here = trials.filter((trial) => rows.of(trial.depth) === depth);
            return here.length === 0
              ? []
              : [{ length, depth, hits: here.filter(({ correct }) => correct).length, trials: here.length }];
          }),
        ),
        totals: results.map(({ length, trials }) => {
          const hits = trials.filter(({ correct }) => correct).length;
          const { low, high } = wilsonInterval(hits, trials.length, CONFIDENCE) ?? { low: 0, high: 1 };
          return { length, hits, trials: trials.length, interval: { low, high } };
        }),
      })),
    };
  });
}

function depthRows(depths: readonly (readonly number[])[]): { labels: string[]; of: (depth: number) => number } {
  const percent = (share: number) => `${Math.round(100 * share)}`;
  const rows = depths.map((own) => [...new Set(own.map(percent))].sort((a, b) => Number(a) - Number(b)));
  const first = rows[0] ?? [];
  if (rows.every((row) => row.join() === first.join()))
    return { labels: first.map((label) => `${label}%`), of: (depth) => first.indexOf(percent(depth)) };
  return {
    labels: Array.from({ length: FIFTHS }, (_, i) => `${percent(i / FIFTHS)}–${percent((i + 1) / FIFTHS)}%`),
    of: (depth) => Math.min(FIFTHS - 1, Math.floor(depth * FIFTHS)),
  };
}
