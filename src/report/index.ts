export type { BenchmarkPanel, RetrievalPanel, RulerPanel } from './evaluation-panels.js';
export { evaluationReport, type NamedRecord } from './evaluation-report.js';
export { type Headline, headline } from './headline.js';
export { renderHtml } from './html.js';
export { parseReport, renderJson } from './json.js';
export { SEARCHED, type SearchReport, searchReport } from './search-report.js';
export { factorTable, perplexityTable, renderTerminal, searchTable, type TerminalOptions } from './terminal.js';
export { type Cell, printable, textTable } from './text-table.js';
export {
  type FactorPanel,
  type Figure,
  type Interval,
  isSameInput,
  type KeyFigure,
  type LossPanel,
  type Method,
  type PerplexityPanel,
  type ReportInput,
  type ReportView,
  reportViewSchema,
  type SearchPanel,
  toFigure,
} from './view-model.js';
