import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import type { BenchmarkPanel } from '../../report/evaluation-panels.js';
import { formatPoints } from '../../report/format.js';
import { Chart } from '../chart.js';
import type { MethodStyle } from '../method-style.js';

interface Props {
  readonly id: string;
  readonly panel: BenchmarkPanel;
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

/** Room that the series of one task share, of the distance between tasks. */
const SPREAD = 0.5;

/** Score and 95 % interval of every task, series beside series; tasks are numbered as in the table below. */
export function BenchmarkChart({ id, panel, styles }: Props) {
  const chart = useMemo(() => {
    const shown = panel.series.filter(({ name }) => styles.has(name));
    const points = shown.flatMap(({ name, scores }, series) =>
      scores.flatMap(({ task, score, interval }) => {
        const index = panel.tasks.findIndex((one) => one.name === task);
        const shift = shown.length < 2 ? 0 : SPREAD * (series / (shown.length - 1) - 0.5);
        return score === null || index < 0 ? [] : [{ name, index, shift, x: index + 1 + shift, score, interval }];
      }),
    );
    const colour = ({ name }: { name: string }) => styles.get(name)!.colour;
    const bounds = points.flatMap(({ score, interval }) => [interval.low ?? score, interval.high ?? score]);
    const [low, high] = bounds.length === 0 ? [0, 100] : [Math.min(...bounds), Math.max(...bounds)];
    const marks: Plot.Markish[] = [
      Plot.gridY({ ticks: 5, stroke: 'var(--grid)', strokeOpacity: 1 }),
      Plot.axisX({
        label: 'task, numbered as below →',
        ticks: panel.tasks.map((_, i) => i + 1),
        tickFormat: (i: number) => `${i}`,
      }),
      Plot.axisY({ label: '↑ points', ticks: 5 }),
      Plot.ruleX(points, {
        x: 'x',
        y1: ({ score, interval }) => interval.low ?? score,
        y2: ({ score, interval }) => interval.high ?? score,
        stroke: colour,
        strokeWidth: 1.5,
      }),
      ...points.map((point) =>
        Plot.dot([point], { x: 'x', y: 'score', fill: colour(point), symbol: styles.get(point.name)!.symbol, r: 4.5 }),
      ),
    ];
    return {
      draw: (): Plot.PlotOptions => ({
        x: { domain: [0.4, panel.tasks.length + 0.6] },
        y: { domain: [Math.max(0, low - 3), Math.min(100, high + 3)] },
        marks,
      }),
      stops: panel.tasks.map(({ name, metric }, index) => ({
        at: index + 1,
        title: `${index + 1}. ${name}, ${metric}`,
        readings: points
          .filter((point) => point.index === index)
          .map(({ name: series, score, interval, shift }) => ({
            name: series,
            value: formatPoints(score),
            detail: `(${formatPoints(interval.low ?? score)}–${formatPoints(interval.high ?? score)})`,
            colour: styles.get(series)!.colour,
            mark: score,
            shift,
            strong: styles.get(series)!.kind === 'searched',
          })),
      })),
      endLabels: [],
    };
  }, [panel, styles]);
  return <Chart id={id} label={`Benchmarks, ${panel.subject}`} height={300} {...chart} />;
}
