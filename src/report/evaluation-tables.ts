import type { BenchmarkPanel, RetrievalPanel, RulerPanel } from './evaluation-panels.js';
import { formatConfidence, formatCount, formatPoints, formatPValue, formatSigned } from './format.js';
import type { TerminalOptions } from './terminal.js';
import { type Cell, printable, textTable } from './text-table.js';

const row = (texts: readonly string[]): Cell[] => texts.map((text) => ({ text }));

function heading(title: string, { subject, protocol }: { readonly subject: string; readonly protocol: string }) {
  return [`${title}, ${subject}`, protocol].map(printable).join('\n');
}

/** Right answers of all trials by length with Wilson's interval, then one grid of depth and length per series. */
export function retrievalTables(panel: RetrievalPanel, options: TerminalOptions): string {
  const totals = panel.series.map(({ name, totals: own }) => [
    name,
    ...panel.lengths.map((length) => {
      const total = own.find((entry) => entry.length === length);
      if (total === undefined) return '-';
      const { low, high } = total.interval;
      return `${total.hits}/${total.trials} (${formatPoints(100 * (low ?? 0))}–${formatPoints(100 * (high ?? 1))}%)`;
    }),
  ]);
  const lengths = panel.lengths.map(formatCount);
  const grids = panel.series.map(({ name, cells }) => {
    const rows = panel.depths.map((label, depth) => [
      label,
      ...panel.lengths.map((length) => {
        const cell = cells.find((entry) => entry.length === length && entry.depth === depth);
        return cell === undefined ? '-' : `${cell.hits}/${cell.trials}`;
      }),
    ]);
    return textTable([['depth', ...lengths], ...rows].map(row), options)
      .split('\n')
      .map((line, i) => (i === 0 ? `${line}   ${printable(name)}` : line))
      .join('\n');
  });
  return [
    heading(`${panel.title}: right answers by length in tokens`, panel),
    textTable([['method', ...lengths], ...totals].map(row), options),
    ...grids.map((grid) => `\n${grid}`),
  ].join('\n');
}

export function rulerTables(panel: RulerPanel, options: TerminalOptions): string {
  const header = ['method', 'task', ...panel.lengths.map(formatCount), 'effective'];
  const rows = panel.series.flatMap(({ name, cells, averages, effectiveLength }) => [
    ...panel.tasks.map((task) => [
      name,
      task,
      ...panel.lengths.map((length) => {
        const cell = cells.find((entry) => entry.length === length && entry.task === task);
        return cell === undefined ? '-' : formatPoints(cell.score);
      }),
      '',
    ]),
    [
      name,
      'average',
      ...panel.lengths.map((length) => {
        const average = averages.find((entry) => entry.length === length);
        return average === undefined ? '-' : formatPoints(average.score);
      }),
      effectiveLength === null ? 'none' : formatCount(effectiveLength),
    ],
  ]);
  return [
    heading('RULER: score by length in tokens', panel),
    `Effective: the longest length whose average reaches ${panel.threshold}.`,
    textTable([header, ...rows].map(row), options),
  ].join('\n');
}

export function benchmarkTables(panel: BenchmarkPanel, options: TerminalOptions): string {
  const header = ['task', 'metric', 'shots', 'questions', ...panel.series.map(({ name }) => name)];
  const rows = panel.tasks.map(({ name, metric, shots, questions }) => [
    name,
    metric,
    String(shots),
    formatCount(questions),
    ...panel.series.map(({ scores }) => {
      const score = scores.find(({ task }) => task === name);
      if (score === undefined || score.score === null) return '-';
      const error = score.standardError === null ? '' : ` ±${formatPoints(score.standardError)}`;
      return formatPoints(score.score) + error;
    }),
  ]);
  const differences = panel.comparisons.map(({ task, name, against, difference, interval, pValue }) => {
    const range = interval === null ? '' : `, interval ${formatSigned(interval.low)} to ${formatSigned(interval.high)}`;
    return printable(
      `${task}: ${name} ${formatSigned(difference)} points against ${against}${range}, p ${formatPValue(pValue)} (Holm)`,
    );
  });
  return [
    heading('Benchmarks: points ± standard error', panel),
    textTable([header, ...rows].map(row), options),
    ...(differences.length === 0
      ? []
      : [`Paired over questions, ${formatConfidence(panel.confidence)} intervals:`, ...differences]),
  ].join('\n');
}
