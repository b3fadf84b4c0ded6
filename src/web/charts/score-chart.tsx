import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { formatCount, formatPoints } from '../../report/format.js';
import { Chart } from '../chart.js';
import type { MethodStyle } from '../method-style.js';

export interface ScoreSeries {
  readonly name: string;
  /** Points of 100; `interval` where there is one, `detail` for the reading. */
  readonly points: readonly {
    readonly length: number;
    readonly score: number;
    readonly interval: { readonly low: number; readonly high: number } | null;
    readonly detail?: string;
  }[];
}

interface Props {
  readonly id: string;
  readonly label: string;
  readonly lengths: readonly number[];
  readonly series: readonly ScoreSeries[];
  /** Marked by a dotted line. */
  readonly threshold?: number;
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

/** Pixels between the bars of two series at one length, which would otherwise cover each other. */
const BAR_DISTANCE = 5;

/** Share of right answers against length, 0 to 100. */
export function ScoreChart({ id, label, lengths, series, threshold, styles }: Props) {
  const chart = useMemo(() => {
    const shown = series.filter(({ name }) => styles.has(name));
    const hasIntervals = shown.some(({ points }) => points.some(({ interval }) => interval !== null));
    const [first, last] = [lengths[0] ?? 1, lengths.at(-1) ?? 2];
    const marks: Plot.Markish[] = [
      Plot.gridY({ ticks: 5, stroke: 'var(--grid)', strokeOpacity: 1 }),
      Plot.axisX({ label: 'length in tokens →', ticks: [...lengths], tickFormat: (x: number) => formatCount(x) }),
      Plot.axisY({ label: '↑ score', ticks: 5 }),
      ...(threshold === undefined ? [] : [Plot.ruleY([threshold], { stroke: 'var(--rule)', strokeDasharray: '2 3' })]),
      ...shown.flatMap(({ name, points }, index) => {
        const { colour, dash, width, kind, symbol } = styles.get(name)!;
        const dx = hasIntervals || lengths.length === 1 ? BAR_DISTANCE * (index - (shown.length - 1) / 2) : 0;
        const measured = points.filter(({ interval }) => interval !== null);
        return [
          Plot.ruleX(measured, {
            x: 'length',
            y1: ({ interval }) => interval!.low,
            y2: ({ interval }) => interval!.high,
            stroke: colour,
            strokeWidth: 1.5,
            dx,
          }),
          Plot.lineY(points, {
            x: 'length',
            y: 'score',
            dx,
            stroke: colour,
            strokeWidth: width,
            strokeDasharray: dash,
            ariaLabel: () => name,
          }),
          Plot.dot(points, { x: 'length', y: 'score', dx, fill: colour, symbol, r: kind === 'searched' ? 4.5 : 3.5 }),
        ];
      }),
    ];
    return {
      draw: (): Plot.PlotOptions => ({
        x: { type: 'log', base: 2, domain: first === last ? [first / 2, first * 2] : [first / 1.06, last] },
        y: { domain: [0, 100] },
        marks,
      }),
      stops: lengths.map((length) => ({
        at: length,
        title: `${formatCount(length)} tokens`,
        readings: shown.flatMap(({ name, points }) => {
          const point = points.find((candidate) => candidate.length === length);
          if (point === undefined) return [];
          return {
            name,
            value: formatPoints(point.score),
            ...(point.detail !== undefined && { detail: point.detail }),
            colour: styles.get(name)!.colour,
            mark: point.score,
            strong: styles.get(name)!.kind === 'searched',
          };
        }),
      })),
      endLabels: shown.flatMap(({ name, points }) => {
        const end = points.at(-1);
        if (end === undefined) return [];
        return { text: name, colour: styles.get(name)!.colour, x: end.length, y: end.score };
      }),
    };
  }, [lengths, series, threshold, styles]);
  return <Chart id={id} label={label} height={300} {...chart} />;
}
