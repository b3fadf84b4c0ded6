import type { BenchmarkPanel, RetrievalPanel, RulerPanel } from '../report/evaluation-panels.js';
import { formatConfidence, formatCount, formatPoints, formatPValue, formatSigned } from '../report/format.js';
import { BenchmarkChart } from './charts/benchmark-chart.js';
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

export function BenchmarkSection({ panels, styles }: Props<BenchmarkPanel>) {
  return (
    <section aria-labelledby="benchmarks">
      <h2 id="benchmarks">Benchmarks</h2>
      {panels.map((panel, index) => (
        <article key={index}>
          {panels.length > 1 && <h3>{panel.subject}</h3>}
          <p class="lead">{panel.protocol}</p>
          <BenchmarkChart id={`benchmark-chart-${index}`} panel={panel} styles={styles} />
          <p class="note">
            Bars: {formatConfidence(panel.confidence)} intervals from the standard errors.
            {panel.comparisons.length > 0 &&
              ' The differences below are paired over the questions, so they are sharper than two intervals side by side.'}
          </p>
          <BenchmarkTable panel={panel} />
          {panel.comparisons.length > 0 && (
            <ul class="comparisons">
              {panel.comparisons.map(({ task, name, against, difference, interval, pValue }, i) => (
                <li key={i}>
                  {task}: <b>{name}</b> {formatSigned(difference)} points against {against}
                  {interval !== null && ` (${formatSigned(interval.low)} to ${formatSigned(interval.high)})`}, p{' '}
                  {formatPValue(pValue)} corrected
                </li>
              ))}
            </ul>
          )}
        </article>
      ))}
    </section>
  );
}

function BenchmarkTable({ panel }: { panel: BenchmarkPanel }) {
  return (
    <Scroll label={`Benchmark table, ${panel.subject}`}>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">task</th>
            <th scope="col">metric</th>
            <th scope="col" class="number">
              shots
            </th>
            <th scope="col" class="number">
              questions
            </th>
            {panel.series.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {panel.tasks.map(({ name, metric, shots, questions }, index) => (
            <tr key={name}>
              <th scope="row">
                <span class="row-name">
                  {index + 1}. {name}
                </span>
              </th>
              <td>{metric}</td>
              <td class="number">{shots}</td>
              <td class="number">{formatCount(questions)}</td>
              {panel.series.map(({ name: series, scores }) => {
                const score = scores.find(({ task }) => task === name);
                return (
                  <td key={series} class="number">
                    {score?.score == null ? '–' : formatPoints(score.score)}
                    {score?.standardError != null && <small>±{formatPoints(score.standardError)}</small>}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
