import type { RetrievalPanel, RulerPanel } from '../report/evaluation-panels.js';
import { formatConfidence, formatCount, formatPoints } from '../report/format.js';
import { ScoreChart } from './charts/score-chart.js';
import { Heatmap } from './heatmap.js';
import type { MethodStyle } from './method-style.js';
import { Details, LengthHeads, Scroll } from './tables.js';

interface Props<Panel> {
  readonly panels: readonly Panel[];
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

export function RetrievalSection({ panels, styles }: Props<RetrievalPanel>) {
  return (
    <section aria-labelledby="retrieval">
      <h2 id="retrieval">Retrieval</h2>
      {panels.map((panel, index) => (
        <article key={index}>
          <h3>
            {panel.title}, {panel.subject}
          </h3>
          <p class="lead">{panel.protocol}</p>
          <ScoreChart
            id={`retrieval-chart-${index}`}
            label={`${panel.title}: right answers against length, ${panel.subject}`}
            lengths={panel.lengths}
            series={panel.series.map(({ name, totals }) => ({
              name,
              points: totals.map(({ length, hits, trials, interval }) => ({
                length,
                score: (100 * hits) / trials,
                interval: { low: 100 * (interval.low ?? 0), high: 100 * (interval.high ?? 1) },
                detail: `${hits}/${trials}, ${formatPoints(100 * (interval.low ?? 0))}–${formatPoints(100 * (interval.high ?? 1))}`,
              })),
            }))}
            styles={styles}
          />
          <p class="note">Bars: {formatConfidence(panel.confidence)} intervals after Wilson over all depths.</p>
          <div class="grid">
            {panel.series
              .filter(({ name }) => styles.has(name))
              .map((series) => (
                <Heatmap key={series.name} panel={panel} series={series} />
              ))}
          </div>
        </article>
      ))}
    </section>
  );
}

export function RulerSection({ panels, styles }: Props<RulerPanel>) {
  return (
    <section aria-labelledby="ruler">
      <h2 id="ruler">RULER</h2>
      {panels.map((panel, index) => (
        <article key={index}>
          <h3>{panel.subject}</h3>
          <p class="lead">{panel.protocol}</p>
          <ScoreChart
            id={`ruler-chart-${index}`}
            label={`RULER average against length, ${panel.subject}`}
            lengths={panel.lengths}
            series={panel.series.map(({ name, averages }) => ({
              name,
              points: averages.map(({ length, score }) => ({ length, score, interval: null })),
            }))}
            threshold={panel.threshold}
            styles={styles}
          />
          <p class="note">
            Dotted: {panel.threshold}, which an average has to reach for its length to count as effective. Effective
            length:{' '}
            {panel.series
              .map(
                ({ name, effectiveLength }) =>
                  `${name}: ${effectiveLength === null ? 'no length' : formatCount(effectiveLength)}`,
              )
              .join(', ')}
            .
          </p>
          <Details summary="Scores of all tasks">
            <RulerTable panel={panel} />
          </Details>
        </article>
      ))}
    </section>
  );
}

function RulerTable({ panel }: { panel: RulerPanel }) {
  return (
    <Scroll label={`RULER scores, ${panel.subject}`}>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">task</th>
            <th scope="col">method</th>
            <LengthHeads lengths={panel.lengths} />
          </tr>
        </thead>
        <tbody>
          {panel.tasks.flatMap((task) =>
            panel.series.map(({ name, cells }) => (
              <tr key={`${task} ${name}`}>
                <th scope="row">{task}</th>
                <td>{name}</td>
                {panel.lengths.map((length) => {
                  const cell = cells.find((entry) => entry.task === task && entry.length === length);
                  return (
                    <td key={length} class="number" title={cell && `${cell.samples} samples`}>
                      {cell === undefined ? '–' : formatPoints(cell.score)}
                      {cell !== undefined && (
                        <small>{`${formatPoints(cell.interval.low ?? 0)}–${formatPoints(cell.interval.high ?? 100)}`}</small>
                      )}
                    </td>
                  );
                })}
              </tr>
            )),
          )}
        </tbody>
      </table>
    </Scroll>
  );
}
