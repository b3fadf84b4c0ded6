import { useMemo } from 'preact/hooks';
import { describeStop, formatChange, formatConfidence, formatCount, formatLoss } from '../report/format.js';
import { hasBootstrap } from '../report/has-bootstrap.js';
import { FRONT_EXPLAINED } from '../report/objective-front.js';
import type {
  FactorPanel,
  Figure,
  LossPanel,
  PerplexityPanel,
  ReportInput,
  SearchPanel,
} from '../report/view-model.js';
import { FactorChart } from './charts/factor-chart.js';
import { PerplexityChart } from './charts/perplexity-chart.js';
import { PositionChart } from './charts/position-chart.js';
import { lossDomain, SearchChart } from './charts/search-chart.js';
import type { MethodStyle } from './method-style.js';
import { FrontTable, SearchTable } from './search-tables.js';
import { Details, FactorTable, LossTable, PerplexityTable } from './tables.js';

/** What every section of figures gets: its panels and the methods shown at the moment. */
interface Props<Panel> {
  readonly panels: readonly Panel[];
  readonly styles: ReadonlyMap<string, MethodStyle>;
}

export function PerplexitySection({
  panels,
  styles,
  searched,
}: Props<PerplexityPanel> & { searched: ReadonlySet<string> }) {
  return (
    <section aria-labelledby="perplexity">
      <h2 id="perplexity">Perplexity against length</h2>
      {panels.map((panel, index) => (
        <article key={index}>
          <Subject of={panels} subject={panel.measure === 'LongPPL' ? `LongPPL, ${panel.subject}` : panel.subject} />
          <p class="lead">{panel.protocol}</p>
          <PerplexityChart id={`perplexity-chart-${index}`} panel={panel} styles={styles} />
          <p class="note">
            Band and small figures: {formatConfidence(panel.confidence)} intervals over documents, Student t
            {hasBootstrap(panel) && (
              <>
                ; with <i>b</i>, bootstrap (BCa), which supposes no normal distribution
              </>
            )}
            .
            {panel.comparisons.length > 0 &&
              ' The ratios below compare methods on the same documents, so they are sharper than two intervals side by side.'}
          </p>
          <PerplexityTable panel={panel} searched={searched} />
          {panel.comparisons.length > 0 && (
            <ul class="comparisons">
              {panel.comparisons.map(({ name, against, length, ratio, interval, documents }, i) => (
                <li key={i}>
                  <b>{name}</b> at {formatCount(length)} tokens:{' '}
                  {ratio === null
                    ? `no finite ratio to ${against}`
                    : `${formatChange(ratio)} ${ratio < 1 ? 'below' : 'above'} ${against} (ratio ${ratio.toFixed(3)}`}
                  {ratio !== null &&
                    interval !== null &&
                    `, ${interval.low?.toFixed(3) ?? '∞'} to ${interval.high?.toFixed(3) ?? '∞'}`}
                  {ratio !== null && `, ${formatCount(documents)} documents)`}
                </li>
              ))}
            </ul>
          )}
        </article>
      ))}
    </section>
  );
}

export function FactorSection({ panels, styles }: Props<FactorPanel>) {
  return (
    <section aria-labelledby="factors">
      <h2 id="factors">Factors</h2>
      {panels.map((panel, index) => (
        <article key={index}>
          <Subject of={panels} subject={panel.subject} />
          <p class="lead">
            How much slower each rotary pair turns, for {formatCount(panel.originalLength)} to{' '}
            {formatCount(panel.targetLength)} tokens. Shaded: pairs whose period is longer than the original length, so
            the model never saw them turn once; from the dotted line on, it is longer than the target too.
          </p>
          <FactorChart id={`factor-chart-${index}`} panel={panel} styles={styles} />
          <p class="note">
            Attention factor:{' '}
            {panel.series.map(({ name, attentionFactor }) => `${name} ${attentionFactor.toFixed(4)}`).join(', ')}.
          </p>
          <Details summary={`All ${panel.rotaryPairs} factors`}>
            <FactorTable panel={panel} />
          </Details>
        </article>
      ))}
    </section>
  );
}

export function PositionSection({
  panels,
  styles,
  originalLength,
}: Props<LossPanel> & { originalLength: number | undefined }) {
  const domain = useMemo((): [number, number] => {
    const losses = panels.flatMap(({ series }) => series.flatMap(({ loss }) => loss.filter((value) => value !== null)));
    const [low, high] = [Math.min(...losses), Math.max(...losses)];
    return losses.length === 0 ? [0, 1] : [low - (high - low) * 0.05, high + (high - low) * 0.05];
  }, [panels]);
  return (
    <section aria-labelledby="positions">
      <h2 id="positions">Loss by position</h2>
      <p class="lead">
        Mean loss of the tokens at each place in the window; a failure far out shows here before it moves a mean.
      </p>
      <div class="grid">
        {panels.map((panel, index) => (
          <article key={index}>
            <h3>
              {formatCount(panel.length)} tokens
              {new Set(panels.map(({ subject }) => subject)).size > 1 && `, ${panel.subject}`}
            </h3>
            <PositionChart
              id={`position-chart-${index}`}
              panel={panel}
              domain={domain}
              originalLength={originalLength}
              styles={styles}
            />
          </article>
        ))}
      </div>
      <Details summary="Losses as tables">
        {panels.map((panel, index) => (
          <LossTable key={index} panel={panel} />
        ))}
      </Details>
    </section>
  );
}

export function SearchSection({ panels, styles }: Props<SearchPanel>) {
  return (
    <section aria-labelledby="search">
      <h2 id="search">Search</h2>
      {panels.map((panel, index) => {
        const ceiling = lossDomain(panel)[1];
        const isAbove = (loss: Figure) => loss === null || loss > ceiling;
        const above = panel.baselines
          .filter(({ loss }) => isAbove(loss))
          .map(({ name, loss }) => `${name} ${formatLoss(loss)}`);
        const candidates = panel.runs.flatMap(({ points }) => points.filter(({ loss }) => isAbove(loss))).length;
        if (candidates > 0) above.push(candidates === 1 ? '1 candidate' : `${formatCount(candidates)} candidates`);
        return (
          <article key={index}>
            <Subject of={panels} subject={panel.subject} />
            <p class="lead">
              Each dot is a candidate on documents of {formatCount(panel.length)} tokens; the step line is the best so
              far, level lines are the other methods on the same documents.
            </p>
            <SearchChart id={`search-chart-${index}`} panel={panel} styles={styles} />
            {above.length > 0 && <p class="note">Above the plot: {above.join(', ')}.</p>}
            <dl class="facts">
              {panel.runs.map(({ name, algorithm, stopReasons }) => (
                <div key={name}>
                  <dt>{`${name}, ${algorithm}, stopped by`}</dt>
                  <dd>{describeStop(stopReasons)}</dd>
                </div>
              ))}
            </dl>
            {panel.runs.map((run) => (
              <Details key={run.name} summary={`Improvements found by ${run.algorithm}`}>
                <SearchTable run={run} />
              </Details>
            ))}
            {panel.front !== null && (
              <>
                <p class="lead">{FRONT_EXPLAINED}.</p>
                <FrontTable front={panel.front} />
              </>
            )}
          </article>
        );
      })}
    </section>
  );
}

export function InputSection({ inputs }: { inputs: readonly ReportInput[] }) {
  return (
    <section aria-labelledby="inputs">
      <h2 id="inputs">Inputs</h2>
      <dl class="inputs">
        {inputs.map(({ label, name, sha256, detail }, index) => (
          <div key={index}>
            <dt>{label}</dt>
            <dd>
              <span class="name">{name}</span>
              {detail !== undefined && <span class="detail">{detail}</span>}
              <code>sha256 {sha256}</code>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Names the model or factor set only where there are several to tell apart. */
function Subject({ of, subject }: { of: readonly unknown[]; subject: string }) {
  return of.length > 1 ? <h3>{subject}</h3> : null;
}
