import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import {
  formatCount,
  formatFactor,
  formatInterval,
  formatLoss,
  formatPerplexity,
  wavelength,
} from '../report/format.js';
import { bestPerLength } from '../report/headline.js';
import type { FactorPanel, LossPanel, PerplexityPanel } from '../report/view-model.js';

/**
 * Wide tables scroll in a box of their own; the page itself never scrolls sideways. The box takes part in the tab order
 * only while it has something to scroll.
 */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  const box = useRef<HTMLElement>(null);
  const [overflows, setOverflows] = useState(false);
  useLayoutEffect(() => {
    const { current } = box;
    if (current === null) return;
    const measure = () =>
      setOverflows(current.scrollWidth > current.clientWidth || current.scrollHeight > current.clientHeight);
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return (
    <section ref={box} class="scroll" tabIndex={overflows ? 0 : undefined} aria-label={label}>
      {children}
    </section>
  );
}

/** Column heads of a table over lengths in tokens. */
export function LengthHeads({ lengths }: { lengths: readonly number[] }) {
  return (
    <>
      {lengths.map((length) => (
        <th key={length} scope="col" class="number">
          {formatCount(length)}
        </th>
      ))}
    </>
  );
}

export function Details({ summary, children }: { summary: string; children: ComponentChildren }) {
  return (
    <details>
      <summary>{summary}</summary>
      {children}
    </details>
  );
}

export function PerplexityTable({ panel, searched }: { panel: PerplexityPanel; searched: ReadonlySet<string> }) {
  const best = bestPerLength(panel);
  return (
    <Scroll label={`Perplexity table, ${panel.subject}`}>
      <table class="figures perplexity">
        <thead>
          <tr>
            <th scope="col">method</th>
            <LengthHeads lengths={panel.lengths} />
          </tr>
        </thead>
        <tbody>
          {panel.series.map(({ name, points }) => (
            <tr key={name} class={searched.has(name) ? 'searched' : ''}>
              <th scope="row">
                <span class="row-name">{name}</span>
              </th>
              {panel.lengths.map((length) => {
                const point = points.find((candidate) => candidate.length === length);
                if (point === undefined)
                  return (
                    <td key={length} class="number">
                      –
                    </td>
                  );
                const isBest = point.perplexity !== null && point.perplexity === best.get(length);
                return (
                  <td
                    key={length}
                    class="number"
                    title={`${formatCount(point.tokens)} tokens of ${formatCount(point.documents)} documents`}
                  >
                    <span class={isBest ? 'best' : ''}>{formatPerplexity(point.perplexity)}</span>
                    {point.interval !== null && <small>{formatInterval(point.interval)}</small>}
                    {point.bootstrap !== null && (
                      <small class="bootstrap">
                        <i>b</i> {formatInterval(point.bootstrap)}
                      </small>
                    )}
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

export function FactorTable({ panel }: { panel: FactorPanel }) {
  return (
    <Scroll label={`Factor table, ${panel.subject}`}>
      <table class="figures factors">
        <thead>
          <tr>
            <th scope="col">pair</th>
            <th scope="col" class="number">
              wavelength
            </th>
            {panel.series.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">attention factor</th>
            <td />
            {panel.series.map(({ name, attentionFactor }) => (
              <td key={name} class="number">
                {attentionFactor.toFixed(4)}
              </td>
            ))}
          </tr>
          <tr>
            <th scope="row">start tokens</th>
            <td />
            {panel.series.map(({ name, startTokens }) => (
              <td key={name} class="number">
                {formatCount(startTokens)}
              </td>
            ))}
          </tr>
          {Array.from({ length: panel.rotaryPairs }, (_, pair) => (
            <tr key={pair}>
              <th scope="row">{pair}</th>
              <td class="number">{formatCount(Math.round(wavelength(panel.theta, panel.rotaryPairs, pair)))}</td>
              {panel.series.map(({ name, factors }) => (
                <td key={name} class="number">
                  {formatFactor(factors[pair]!)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function LossTable({ panel }: { panel: LossPanel }) {
  return (
    <Scroll label={`Loss by position at ${formatCount(panel.length)} tokens`}>
      <table class="figures loss">
        <caption>{formatCount(panel.length)} tokens</caption>
        <thead>
          <tr>
            <th scope="col">positions</th>
            {panel.series.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {panel.bucketEdges.slice(0, -1).map((edge, bucket) => (
            <tr key={edge}>
              <th scope="row">{`${formatCount(edge)}–${formatCount(panel.bucketEdges[bucket + 1]! - 1)}`}</th>
              {panel.series.map(({ name, loss }) => (
                <td key={name} class="number">
                  {formatLoss(loss[bucket]!)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
