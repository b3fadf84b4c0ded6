import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { formatCount, formatFactor, pairOfWavelength, wavelength } from '../../report/format.js';
import type { FactorPanel } from '../../report/view-model.js';
import { Chart } from '../chart.js';
import type { MethodStyle } from '../method-style.js';

interface Props {
  readonly id: string;
  readonly panel: FactorPanel;
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

/** Factor against rotary pair, with the wavelength of each pair on a second axis above. */
export function FactorChart({ id, panel, styles }: Props) {
  const { rotaryPairs, theta, originalLength, targetLength, criticalDimension } = panel;
  const chart = useMemo(() => {
    const series = panel.series.filter(({ name }) => styles.has(name));
    const ratio = targetLength / originalLength;
    const everything = [1, ratio, ...panel.series.flatMap(({ factors }) => factors)];
    const domain = [Math.min(...everything) * 0.8, Math.max(...everything) * 1.12];
    const last = rotaryPairs - 1;
    const labelled = { frameAnchor: 'bottom', textAnchor: 'start', dx: 5, dy: -5, fill: 'var(--muted)' } as const;
    const critical = criticalDimension !== null && criticalDimension <= last ? [criticalDimension - 0.5] : [];
    const beyondTarget = [pairOfWavelength(theta, rotaryPairs, targetLength)].filter((pair) => pair <= last);
    const marks = (width: number): Plot.Markish[] => [
      Plot.rect(critical, { x1: (pair) => pair, x2: last + 0.5, y1: domain[0]!, y2: domain[1]!, fill: 'var(--shade)' }),
      Plot.text(critical, { x: (pair) => pair, text: () => `> ${formatCount(originalLength)}`, ...labelled }),
      Plot.ruleX(beyondTarget, { stroke: 'var(--rule)', strokeDasharray: '2 3' }),
      Plot.text(beyondTarget, { x: (pair) => pair, text: () => `> ${formatCount(targetLength)}`, ...labelled }),
      Plot.ruleY([1, ratio], { stroke: 'var(--rule)', strokeDasharray: '2 3' }),
      Plot.axisX({
        anchor: 'top',
        label: 'wavelength in tokens →',
        labelOffset: 34,
        ticks: [10, 100, 1000, 10_000, 100_000, 1e6, 1e7]
          .map((tokens) => pairOfWavelength(theta, rotaryPairs, tokens))
          .filter((pair) => pair >= 0 && pair <= last),
        tickFormat: (pair: number) => formatCount(Math.round(wavelength(theta, rotaryPairs, pair))),
      }),
      Plot.axisX({ label: 'rotary pair, fast to slow →', ticks: width < 480 ? 5 : 10, tickFormat: 'd' }),
      Plot.axisY({
        label: '↑ factor',
        ticks: powersOfTwo(domain[0]!, domain[1]!),
        tickFormat: (tick: number) => `${tick}×`,
      }),
      ...series.flatMap(({ name, factors }) => {
        const { colour, dash, width: strokeWidth, kind, symbol } = styles.get(name)!;
        const options = { x: (_: number, pair: number) => pair, y: (factor: number) => factor };
        return [
          Plot.lineY(factors, {
            ...options,
            stroke: colour,
            strokeWidth,
            strokeDasharray: dash,
            ariaLabel: () => name,
          }),
          ...(kind === 'searched' ? [Plot.dot(factors, { ...options, fill: colour, symbol, r: 2.6 })] : []),
        ];
      }),
    ];
    return {
      draw: (width: number): Plot.PlotOptions => ({
        x: { domain: [-0.5, last + 0.5] },
        y: { type: 'log', domain },
        marks: marks(width),
      }),
      stops: Array.from({ length: rotaryPairs }, (_, pair) => ({
        at: pair,
        title: `pair ${pair}, one turn in ${formatCount(Math.round(wavelength(theta, rotaryPairs, pair)))} tokens`,
        readings: series.map(({ name, factors }) => ({
          name,
          value: formatFactor(factors[pair]!),
          colour: styles.get(name)!.colour,
          mark: factors[pair]!,
          strong: styles.get(name)!.kind === 'searched',
        })),
      })),
      endLabels: series.map(({ name, factors }) => ({
        text: name,
        colour: styles.get(name)!.colour,
        x: last,
        y: factors[last]!,
        strong: styles.get(name)!.kind === 'searched',
      })),
    };
  }, [panel, styles]);
  return (
    <Chart
      id={id}
      label={`Rescale factor of each rotary pair, ${panel.subject}`}
      height={380}
      marginTop={52}
      {...chart}
    />
  );
}

function powersOfTwo(low: number, high: number): number[] {
  const first = Math.ceil(Math.log2(low));
  const count = Math.floor(Math.log2(high)) - first + 1;
  return Array.from({ length: count }, (_, i) => 2 ** (first + i));
}
