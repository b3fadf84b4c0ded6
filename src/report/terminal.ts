import { benchmarkTables, retrievalTables, rulerTables } from './evaluation-tables.js';
import {
  describeStop,
  formatChange,
  formatConfidence,
  formatCount,
  formatFactor,
  formatInterval,
  formatLoss,
  formatPerplexity,
} from './format.js';
import { hasBootstrap } from './has-bootstrap.js';
import { bestPerLength, endOfRun, headline } from './headline.js';
import { frontTable } from './objective-front.js';
import { type Cell, printable, textTable } from './text-table.js';
import type { FactorPanel, PerplexityPanel, ReportView, SearchPanel } from './view-model.js';

export interface TerminalOptions {
  /** Bold and dim escapes; the caller knows whether it writes to a terminal. */
  readonly colour: boolean;
}

const PLAIN: TerminalOptions = { colour: false };

/** The report as text: key result, then one table per panel. Ends without a newline. */
export function renderTerminal(view: ReportView, options: TerminalOptions = PLAIN): string {
  const { statement, qualifications } = headline(view);
  return [
    [statement, ...qualifications].map(printable).join('\n'),
    ...view.factors.map((panel) => factorTable(view, panel, options)),
    ...view.searches.map((panel) => searchTable(panel, options)),
    ...view.perplexity.map((panel) => perplexityTable(view, panel, options)),
    ...view.retrieval.map((panel) => retrievalTables(panel, options)),
    ...view.ruler.map((panel) => rulerTables(panel, options)),
    ...view.benchmarks.map((panel) => benchmarkTables(panel, options)),
    ...(view.notes.length === 0 ? [] : [view.notes.map(printable).join('\n')]),
  ].join('\n\n');
}

/** Perplexity by method and length, the interval under each figure, `*` at the lowest of each length. */
export function perplexityTable(view: ReportView, panel: PerplexityPanel, options: TerminalOptions = PLAIN): string {
  const best = bestPerLength(panel);
  const rows: Cell[][] = [
    [{ text: 'method' }, ...panel.lengths.map((length) => ({ text: `${formatCount(length)} ` }))],
  ];
  for (const { name, points } of panel.series) {
    const at = panel.lengths.map((length) => points.find((point) => point.length === length));
    const bold = isSearched(view, name) ? { style: 'bold' as const } : {};
    rows.push([
      { text: name, ...bold },
      ...at.map((point) => {
        if (point === undefined) return { text: '- ' };
        const mark = point.perplexity !== null && point.perplexity === best.get(point.length) ? '*' : ' ';
        return { text: formatPerplexity(point.perplexity) + mark, ...bold };
      }),
    ]);
    for (const [kind, label] of [
      ['interval', ''],
      ['bootstrap', 'bootstrap'],
    ] as const) {
      const intervals = at.map((point) => point?.[kind] ?? null);
      if (intervals.every((interval) => interval === null)) continue;
      const texts = [label, ...intervals.map((interval) => (interval === null ? '' : `${formatInterval(interval)} `))];
      rows.push(texts.map((text) => ({ text, style: 'dim' as const })));
    }
  }
  const heading = `${panel.measure === 'LongPPL' ? 'LongPPL' : 'Perplexity'} by length in tokens, ${panel.subject}\n${panel.protocol}\n${formatConfidence(panel.confidence)} intervals over documents (Student t${hasBootstrap(panel) ? ', then bootstrap' : ''}); * lowest of its length`;
  return [heading.split('\n').map(printable).join('\n'), textTable(rows, options), ...comparisonLines(panel)].join(
    '\n',
  );
}

/** Attention factor, start tokens and a few representative factors per method. */
export function factorTable(view: ReportView, panel: FactorPanel, options: TerminalOptions = PLAIN): string {
  const shown = representativePairs(panel);
  const header = ['method', 'attention factor', 'start tokens', ...shown.map((pair) => `pair ${pair}`)];
  const rows: Cell[][] = [header.map((text) => ({ text }))];
  for (const { name, factors, attentionFactor, startTokens } of panel.series) {
    const bold = isSearched(view, name) ? { style: 'bold' as const } : {};
    const texts = [
      name,
      attentionFactor.toFixed(4),
      formatCount(startTokens),
      ...shown.map((pair) => formatFactor(factors[pair]!)),
    ];
    rows.push(texts.map((text) => ({ text, ...bold })));
  }
  const critical =
    panel.criticalDimension === null
      ? ''
      : `; from pair ${panel.criticalDimension} on, a period is longer than the original length`;
  return [
    printable(
      `Factors, ${panel.subject}: ${formatCount(panel.originalLength)} to ${formatCount(panel.targetLength)} tokens, ` +
        `${panel.rotaryPairs} rotary pairs, theta ${formatCount(panel.theta)}${critical}`,
    ),
    textTable(rows, options),
  ].join('\n');
}

/** Where each run of a search ended and why, and the baselines on the same documents. */
export function searchTable(panel: SearchPanel, options: TerminalOptions = PLAIN): string {
  const rows: Cell[][] = [['method', 'loss', 'documents', 'tokens', 'stopped by'].map((text) => ({ text }))];
  for (const { name, loss } of panel.baselines) {
    rows.push([name, formatLoss(loss), '', '', ''].map((text) => ({ text })));
  }
  for (const run of panel.runs) {
    const { name, algorithm, stopReasons } = run;
    const ended = endOfRun(run);
    const figures =
      ended === null
        ? ['-', '0', '0']
        : [formatLoss(ended.loss), formatCount(ended.documents), formatCount(ended.tokens)];
    rows.push(
      [`${name} (${algorithm})`, ...figures, describeStop(stopReasons)].map((text) => ({ text, style: 'bold' })),
    );
  }
  return [
    printable(`Search at ${formatCount(panel.length)} tokens, ${panel.subject}; loss in nats per token`),
    textTable(rows, options),
    ...(panel.front === null ? [] : [`\n${frontTable(panel.front, options)}`]),
  ].join('\n');
}

function comparisonLines(panel: PerplexityPanel): readonly string[] {
  return panel.comparisons.flatMap(({ name, against, length, ratio, interval, documents }) => {
    if (ratio === null) return [];
    const range =
      interval === null ? '' : `, interval ${interval.low?.toFixed(3) ?? '∞'} to ${interval.high?.toFixed(3) ?? '∞'}`;
    const change = `${formatChange(ratio)} ${ratio < 1 ? 'below' : 'above'}`;
    return printable(
      `${name} at ${formatCount(length)}: ${change} ${against} (ratio ${ratio.toFixed(3)}${range}, paired over ${formatCount(documents)} documents)`,
    );
  });
}

/** The first and last pair, the critical one and those half-way: enough to see the shape in 80 columns. */
function representativePairs({ rotaryPairs, criticalDimension }: FactorPanel): readonly number[] {
  const last = rotaryPairs - 1;
  const middle = criticalDimension !== null && criticalDimension < last ? criticalDimension : Math.round(last / 2);
  const pairs = [0, Math.round(middle / 2), middle, Math.round((middle + last) / 2), last];
  return [...new Set(pairs)];
}

function isSearched(view: ReportView, name: string): boolean {
  return view.methods.some((method) => method.name === name && method.kind === 'searched');
}
