import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { formatCount, formatLoss } from '../../report/format.js';
import type { LossPanel } from '../../report/view-model.js';
import { Chart } from '../chart.js';
import type { MethodStyle } from '../method-style.js';

interface Props {
  readonly id: string;
  readonly panel: LossPanel;
  /** Shared by all lengths, so that they compare. */
  readonly domain: readonly [number, number];
  /** Marked where it lies inside the panel; undefined when unknown. */
  readonly originalLength: number | undefined;
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

/** Mean loss of the tokens in each position bucket: shows a failure that a mean over the window hides. */
export function PositionChart({ id, panel, domain, originalLength, styles }: Props) {
  const chart = useMemo(() => {
    const series = panel.series.filter(({ name }) => styles.has(name));
    const edges = panel.bucketEdges;
    const middles = edges.slice(0, -1).map((edge, i) => (edge + edges[i + 1]!) / 2);
    const inside = originalLength !== undefined && originalLength < panel.length;
    const marks = (width: number): Plot.Markish[] => [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1 }),
      Plot.axisX({ label: 'position in the document →', ticks: width < 480 ? 4 : 6 }),
      Plot.axisY({ label: '↑ loss, nats per token', ticks: 5 }),
      ...(inside
        ? [
            Plot.ruleX([originalLength], { stroke: 'var(--rule)', strokeDasharray: '2 3' }),
            Plot.text([`trained length ${formatCount(originalLength)}`], {
              x: originalLength,
              frameAnchor: 'top',
              textAnchor: 'start',
              dx: 4,
              dy: 2,
              fill: 'var(--muted)',
            }),
          ]
        : []),
      ...series.map(({ name, loss }) => {
        const { colour, dash, width: strokeWidth } = styles.get(name)!;
        // NaN breaks the line where the loss is not finite.
        const y = (value: number | null) => value ?? Number.NaN;
        return Plot.lineY(loss, {
          x: middles,
          y,
          stroke: colour,
          strokeWidth,
          strokeDasharray: dash,
          ariaLabel: () => name,
        });
      }),
    ];
    return {
      draw: (width: number): Plot.PlotOptions => ({
        x: { domain: [edges[0]!, edges.at(-1)!] },
        y: { domain: [...domain] },
        marks: marks(width),
      }),
      stops: middles.map((middle, bucket) => ({
        at: middle,
        title: `tokens ${formatCount(edges[bucket]!)} to ${formatCount(edges[bucket + 1]! - 1)}`,
        readings: series.map(({ name, loss }) => ({
          name,
          value: formatLoss(loss[bucket]!),
          colour: styles.get(name)!.colour,
          mark: loss[bucket]!,
          strong: styles.get(name)!.kind === 'searched',
        })),
      })),
      endLabels: series.flatMap(({ name, loss }) => {
        const last = loss.at(-1);
        if (last == null) return [];
        const { colour, kind } = styles.get(name)!;
        return { text: name, colour, x: middles.at(-1)!, y: last, strong: kind === 'searched' };
      }),
    };
  }, [panel, domain, originalLength, styles]);
  return (
    <Chart
      id={id}
      label={`Loss by position at ${formatCount(panel.length)} tokens, ${panel.subject}`}
      height={280}
      {...chart}
    />
  );
}
