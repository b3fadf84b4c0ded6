import type { BenchmarkPanel } from '../report/evaluation-panels.js';
import { formatConfidence, formatCount, formatPoints, formatPValue, formatSigned } from '../report/format.js';
import { BenchmarkChart } from './charts/benchmark-chart.js';
import { DifferenceChart } from './charts/difference-chart.js';
import type { MethodStyle } from './method-style.js';
import { Details, Scroll } from './tables.js';

interface Props {
  readonly panels: readonly BenchmarkPanel[];
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

export function BenchmarkSection({ panels, styles }: Props) {
  return (
    <section aria-labelledby="benchmarks">
      <h2 id="benchmarks">Benchmarks</h2>
      {panels.map((panel, index) => (
        <article key={index}>
          {panels.length > 1 && <h3>{panel.subject}</h3>}
          <p class="lead">{panel.protocol}</p>
          <BenchmarkChart id={`benchmark-chart-${index}`} panel={panel} styles={styles} />
          <p class="note">Bars: {formatConfidence(panel.confidence)} intervals from the standard errors.</p>
          <BenchmarkTable panel={panel} />
          {panel.comparisons.length > 0 && (
            <BenchmarkDifferences id={`difference-chart-${index}`} panel={panel} styles={styles} />
          )}
        </article>
      ))}
    </section>
  );
}

/** More rows than these are for those who ask. */
const MOST_ROWS = 12;

function BenchmarkDifferences({ id, panel, styles }: Pick<Props, 'styles'> & { id: string; panel: BenchmarkPanel }) {
  const against = panel.comparisons[0]?.against;
  const table = <DifferenceTable panel={panel} />;
  return (
    <>
      <h4>Differences to {against}</h4>
      <DifferenceChart id={id} panel={panel} styles={styles} />
      <p class="note">
        Right of the line: better than {against}. Differences are paired over the questions, so they are sharper than
        two intervals side by side; where a {formatConfidence(panel.confidence)} interval (Student t) crosses the line,
        the difference may be chance. p: sign test or Wilcoxon, corrected for {panel.comparisons.length} comparisons
        (Holm).
      </p>
      {panel.comparisons.length > MOST_ROWS ? <Details summary="All differences">{table}</Details> : table}
    </>
  );
}

function DifferenceTable({ panel }: { panel: BenchmarkPanel }) {
  return (
    <Scroll label={`Benchmark differences, ${panel.subject}`}>
      <table class="figures differences">
        <thead>
          <tr>
            <th scope="col">task</th>
            <th scope="col">series</th>
            <th scope="col" class="number">
              points
            </th>
            <th scope="col" class="number">
              interval
            </th>
            <th scope="col" class="number">
              p
            </th>
          </tr>
        </thead>
        <tbody>
          {panel.comparisons.map(({ task, name, difference, interval, pValue }, i) => (
            <tr key={i}>
              <th scope="row">
                <span class="row-name">
                  {panel.tasks.findIndex((one) => one.name === task) + 1}. {task}
                </span>
              </th>
              <td>{name}</td>
              <td class="number">{formatSigned(difference)}</td>
              <td class="number">
                {interval === null ? '–' : `${formatSigned(interval.low)} to ${formatSigned(interval.high)}`}
              </td>
              <td class="number">{formatPValue(pValue)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
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
                <span class="column-name">{name}</span>
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
