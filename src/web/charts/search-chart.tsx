import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { formatCount, formatLoss, formatPerplexity } from '../../report/format.js';
import type { Figure, SearchPanel } from '../../report/view-model.js';
import { Chart } from '../chart.js';
import type { MethodStyle } from '../method-style.js';

interface Props {
  readonly id: string;
  readonly panel: SearchPanel;
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

/** The vertical range follows the best-so-far lines; whatever lies above it is counted in words, not drawn. */
export function lossDomain(panel: SearchPanel): readonly [number, number] {
  const best = finite(panel.runs.flatMap(({ points }) => points.map((point) => point.best)));
  const baselines = finite(panel.baselines.map(({ loss }) => loss)).sort((a, b) => a - b);
  const all = best.length + baselines.length === 0 ? [0, 1] : [...best, ...baselines.slice(0, 2)];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = Math.max(high - low, 1e-3) * 0.12;
  return [low - room, high + room * 2];
}

/** Loss against documents evaluated: every candidate a dot, the best so far a step line, the other methods level lines. */
export function SearchChart({ id, panel, styles }: Props) {
  const chart = useMemo(() => {
    const domain = lossDomain(panel);
    const inside = (loss: Figure): loss is number => loss !== null && loss >= domain[0] && loss <= domain[1];
    const runs = panel.runs.filter(({ name }) => styles.has(name));
    const baselines = panel.baselines.filter(({ name, loss }) => styles.has(name) && inside(loss));
    const end = Math.max(1, ...panel.runs.flatMap(({ points }) => points.map(({ documents }) => documents)));
    const marks: Plot.Markish[] = [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1 }),
      Plot.axisX({ label: 'documents evaluated →', ticks: 6 }),
      Plot.axisY({ label: '↑ loss, nats per token', ticks: 6 }),
      ...baselines.map(({ name, loss }) => {
        const { colour, dash, width } = styles.get(name)!;
        return Plot.ruleY([loss], { stroke: colour, strokeDasharray: dash, strokeWidth: width, ariaLabel: () => name });
      }),
      ...runs.flatMap(({ name, points }) => {
        const { colour, dash, width } = styles.get(name)!;
        return [
          Plot.dot(
            points.filter(({ loss }) => inside(loss)),
            { x: 'documents', y: 'loss', fill: colour, fillOpacity: 0.5, r: 2.4 },
          ),
          Plot.lineY(
            points.filter(({ best }) => inside(best)),
            {
              x: 'documents',
              y: 'best',
              stroke: colour,
              strokeWidth: width,
              strokeDasharray: dash,
              curve: 'step-after',
              ariaLabel: () => name,
            },
          ),
        ];
      }),
    ];
    const positions = [...new Set(runs.flatMap(({ points }) => points.map(({ documents }) => documents)))];
    return {
      draw: (): Plot.PlotOptions => ({ x: { domain: [0, end] }, y: { domain }, marks }),
      stops: positions
        .sort((a, b) => a - b)
        .map((documents) => ({
          at: documents,
          title: `${formatCount(documents)} documents evaluated`,
          readings: runs.flatMap(({ name, points }) => {
            const point = points.findLast((candidate) => candidate.documents <= documents);
            if (point === undefined) return [];
            const { colour } = styles.get(name)!;
            const perplexity = point.best === null ? null : Math.exp(point.best);
            return [
              {
                name: `${name}, best`,
                value: formatLoss(point.best),
                detail: `(perplexity ${formatPerplexity(perplexity)})`,
                colour,
                mark: inside(point.best) ? point.best : null,
                strong: true,
              },
              {
                name: 'this candidate',
                value: formatLoss(point.loss),
                colour,
                mark: inside(point.loss) ? point.loss : null,
              },
            ];
          }),
        })),
      endLabels: [
        ...baselines.map(({ name, loss }) => ({ text: name, colour: styles.get(name)!.colour, x: end, y: loss! })),
        ...runs.flatMap(({ name, points }) => {
          const last = points.at(-1);
          if (last === undefined || last.best === null) return [];
          return { text: name, colour: styles.get(name)!.colour, x: last.documents, y: last.best, strong: true };
        }),
      ],
    };
  }, [panel, styles]);
  return <Chart id={id} label={`Search curve, ${panel.subject}`} height={340} {...chart} />;
}

function finite(values: readonly Figure[]): number[] {
  return values.filter((value) => value !== null);
}
