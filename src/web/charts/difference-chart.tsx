import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import type { BenchmarkPanel } from '../../report/evaluation-panels.js';
import { formatPValue, formatSigned } from '../../report/format.js';
import { Chart } from '../chart.js';
import type { MethodStyle } from '../method-style.js';

interface Props {
  readonly id: string;
  readonly panel: BenchmarkPanel;
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

/** Share of a row's height over which its series are spread. */
const SPREAD = 0.42;
const [ROW_HEIGHT, SERIES_HEIGHT] = [28, 18];
const MARGIN_TOP = 10;
/** Pixels below which rows are named by their number in the table. */
const ROOM_FOR_NAMES = 520;
const LONGEST_NAME = 30;

/** Difference of every task to the reference, in points, with its interval: what crosses the zero line may be chance. */
export function DifferenceChart({ id, panel, styles }: Props) {
  const names = [...new Set(panel.comparisons.map(({ name }) => name))];
  const against = panel.comparisons[0]?.against ?? '';
  const rows = panel.tasks.flatMap(({ name }, index) =>
    panel.comparisons.some(({ task }) => task === name) ? [{ name, number: index + 1 }] : [],
  );
  const chart = useMemo(() => {
    const shown = names.filter((name) => styles.has(name));
    const points = panel.comparisons.flatMap((comparison) => {
      const slot = shown.indexOf(comparison.name);
      const row = rows.findIndex(({ name }) => name === comparison.task);
      if (slot < 0 || row < 0) return [];
      const shift = shown.length < 2 ? 0 : SPREAD * (slot / (shown.length - 1) - 0.5);
      const { low, high } = comparison.interval ?? { low: null, high: null };
      return [{ ...comparison, row, shift, low: low ?? comparison.difference, high: high ?? comparison.difference }];
    });
    const colour = ({ name }: { name: string }) => styles.get(name)!.colour;
    const ends = [0, ...points.flatMap(({ low, high }) => [low, high])];
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const room = Math.max(high - low, 1) * 0.06;
    const label = (row: number, width: number) => {
      const { name, number } = rows[row]!;
      if (width < ROOM_FOR_NAMES) return `${number}`;
      return `${number}. ${name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name}`;
    };
    const marks = (width: number): Plot.Markish[] => [
      Plot.gridX({ ticks: width < ROOM_FOR_NAMES ? 5 : 9, stroke: 'var(--grid)', strokeOpacity: 1 }),
      Plot.ruleY(rows.slice(1), { y: (_, i) => i + 0.5, stroke: 'var(--line)' }),
      Plot.ruleX([0], { stroke: 'var(--rule)', strokeWidth: 1.5 }),
      Plot.axisX({
        label: `difference to ${against} in points →`,
        ticks: width < ROOM_FOR_NAMES ? 5 : 9,
        tickFormat: (points: number) => (points > 0 ? `+${points}` : `${points}`),
      }),
      Plot.axisY({
        label: null,
        ticks: rows.map((_, row) => row),
        tickFormat: (row: number) => label(row, width),
        tickSize: 0,
      }),
      Plot.ruleY(points, {
        y: ({ row, shift }) => row + shift,
        x1: 'low',
        x2: 'high',
        stroke: colour,
        strokeWidth: 1.75,
      }),
      ...points.map((point) =>
        Plot.dot([point], {
          x: 'difference',
          y: point.row + point.shift,
          r: 4.5,
          symbol: styles.get(point.name)!.symbol,
          fill: colour(point),
        }),
      ),
    ];
    return {
      draw: (width: number): Plot.PlotOptions => ({
        x: { domain: [low - room, high + room] },
        y: { domain: [rows.length - 0.5, -0.5] },
        marks: marks(width),
      }),
      marginLeft: (width: number) => 24 + 6.6 * Math.max(0, ...rows.map((_, row) => label(row, width).length)),
      stops: rows.map(({ name, number }, row) => ({
        at: row,
        title: `${number}. ${name}, against ${against}`,
        readings: points
          .filter((point) => point.row === row)
          .map(({ name: series, difference, interval, pValue, shift }) => ({
            name: series,
            value: formatSigned(difference),
            detail: `${interval === null ? '' : `(${formatSigned(interval.low)} to ${formatSigned(interval.high)}), `}p ${formatPValue(pValue)}`,
            colour: styles.get(series)!.colour,
            mark: difference,
            shift,
            strong: styles.get(series)!.kind === 'searched',
          })),
      })),
      endLabels: [],
    };
    // The rest follows from the panel.
  }, [panel, styles]);
  const rowHeight = Math.max(ROW_HEIGHT, 10 + SERIES_HEIGHT * names.length);
  return (
    <Chart
      id={id}
      label={`Benchmark differences to ${against}, ${panel.subject}`}
      height={MARGIN_TOP + 44 + rowHeight * rows.length}
      marginTop={MARGIN_TOP}
      along="y"
      {...chart}
    />
  );
}
