import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { formatCount, formatInterval, formatPerplexity } from '../../report/format.js';
import type { PerplexityPanel } from '../../report/view-model.js';
import { Chart } from '../chart.js';
import type { MethodStyle } from '../method-style.js';

interface Props {
  readonly id: string;
  readonly panel: PerplexityPanel;
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

type Point = PerplexityPanel['series'][number]['points'][number];

/** Bands that can be told apart. */
const MOST_BANDS = 3;

/** Beyond this spread a linear axis gives most of its height to the worst line. */
const LOG_SPREAD = 2;

export function PerplexityChart({ id, panel, styles }: Props) {
  const chart = useMemo(() => {
    const series = panel.series.filter(({ name }) => styles.has(name));
    // Bands of many lines hide each other: those of the searched sets, or of all where nothing was searched and few are shown.
    const isSearched = ({ name }: { name: string }) => styles.get(name)!.kind === 'searched';
    const bands = series.some(isSearched) ? series.filter(isSearched) : series.length <= MOST_BANDS ? series : [];
    const values = panel.series.flatMap(({ name, points }) =>
      points.flatMap(({ perplexity, interval }) => [
        perplexity,
        ...(bands.some((band) => band.name === name) && interval !== null ? [interval.low, interval.high] : []),
      ]),
    );
    const { type, domain } = verticalScale(values.filter((value): value is number => value !== null && value > 0));
    const clamp = (value: number | null) => Math.max(domain[0], Math.min(domain[1], value ?? Number.POSITIVE_INFINITY));
    const ticks = type === 'log' ? logTicks(...domain) : 6;
    const marks: Plot.Markish[] = [
      Plot.gridY({ ticks, stroke: 'var(--grid)', strokeOpacity: 1 }),
      Plot.axisX({
        label: 'length in tokens →',
        ticks: [...panel.lengths],
        tickFormat: (length: number) => formatCount(length),
      }),
      Plot.axisY({ label: '↑ perplexity', ticks }),
      ...bands.map(({ name, points }) =>
        Plot.areaY(
          points.filter(({ interval }) => interval !== null),
          {
            x: 'length',
            y1: ({ interval }: Point) => clamp(interval!.low),
            y2: ({ interval }: Point) => clamp(interval!.high),
            fill: styles.get(name)!.colour,
            fillOpacity: 0.14,
          },
        ),
      ),
      ...series.flatMap(({ name, points }) => {
        const { colour, dash, width, kind, symbol } = styles.get(name)!;
        const known = points.filter(({ perplexity }) => perplexity !== null);
        return [
          Plot.lineY(known, {
            x: 'length',
            y: 'perplexity',
            stroke: colour,
            strokeWidth: width,
            strokeDasharray: dash,
            ariaLabel: () => name,
          }),
          Plot.dot(known, { x: 'length', y: 'perplexity', fill: colour, symbol, r: kind === 'searched' ? 4.5 : 3.5 }),
          Plot.text(
            points.filter(({ perplexity }) => perplexity === null),
            { x: 'length', y: domain[1], text: () => '∞', fill: colour, fontSize: 18, dy: 6 },
          ),
        ];
      }),
    ];
    return {
      draw: (): Plot.PlotOptions => ({
        x: { type: 'log', base: 2, domain: xDomain(panel.lengths) },
        y: { type, domain },
        marks,
      }),
      stops: panel.lengths.map((length) => ({
        at: length,
        title: `${formatCount(length)} tokens`,
        readings: series.flatMap(({ name, points }) => {
          const point = points.find((candidate) => candidate.length === length);
          if (point === undefined) return [];
          return {
            name,
            value: formatPerplexity(point.perplexity),
            ...(point.interval === null ? {} : { detail: `(${formatInterval(point.interval)})` }),
            colour: styles.get(name)!.colour,
            mark: point.perplexity,
            strong: styles.get(name)!.kind === 'searched',
          };
        }),
      })),
      endLabels: series.flatMap(({ name, points }) => {
        const last = points.at(-1);
        if (last === undefined) return [];
        return {
          text: `${name} ${formatPerplexity(last.perplexity)}`,
          colour: styles.get(name)!.colour,
          x: last.length,
          y: last.perplexity ?? domain[1],
          strong: styles.get(name)!.kind === 'searched',
        };
      }),
    };
  }, [panel, styles]);
  return <Chart id={id} label={`Perplexity against length, ${panel.subject}`} height={360} {...chart} />;
}

function verticalScale(values: readonly number[]): { type: 'log' | 'linear'; domain: readonly [number, number] } {
  if (values.length === 0) return { type: 'linear', domain: [0, 1] };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (high / low > LOG_SPREAD) return { type: 'log', domain: [low / 1.06, high * 1.06] };
  const room = Math.max(high - low, high * 0.01) * 0.08;
  return { type: 'linear', domain: [low - room, high + room] };
}

/** Plot labels powers of ten and little else; perplexities of interest often lie within one. */
function logTicks(low: number, high: number): number[] {
  const span = high / low;
  const steps = span < 5 ? [1, 1.2, 1.5, 2, 3, 4, 5, 6, 8] : span < 100 ? [1, 2, 5] : [1];
  const first = Math.floor(Math.log10(low));
  const decades = Array.from({ length: Math.ceil(Math.log10(high)) - first }, (_, i) => 10 ** (first + i));
  return decades.flatMap((decade) => steps.map((step) => step * decade)).filter((tick) => tick >= low && tick <= high);
}

/** A log scale of one point has no extent. */
function xDomain(lengths: readonly number[]): [number, number] {
  const [first, last] = [lengths[0] ?? 1, lengths.at(-1) ?? 2];
  return first === last ? [first / 2, first * 2] : [first / 1.06, last];
}
