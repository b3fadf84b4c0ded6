import { formatChange, formatConfidence, formatCount, formatLoss, formatPerplexity } from './format.js';
import type { Figure, Method, PerplexityPanel, ReportView, SearchPanel } from './view-model.js';

/** The key result in words: one statement and the sentences that qualify it. */
export interface Headline {
  readonly statement: string;
  readonly qualifications: readonly string[];
}

interface Standing {
  readonly method: Method;
  readonly perplexity: Figure;
}

/** Says what the figures say, also when the searched factors lose. Falls back from perplexity to the search, then to the title. */
export function headline(view: ReportView): Headline {
  const panel = view.perplexity[0];
  if (panel !== undefined) {
    const result = perplexityHeadline(view, panel);
    if (result !== null) return result;
  }
  return searchHeadline(view) ?? { statement: view.title, qualifications: [] };
}

/** The length a view is about: the target of its first factor panel when it was measured there, otherwise the longest one. */
function targetLength(view: ReportView, panel: PerplexityPanel): number | undefined {
  const target = view.factors[0]?.targetLength;
  return target !== undefined && panel.lengths.includes(target) ? target : panel.lengths.at(-1);
}

function perplexityHeadline(view: ReportView, panel: PerplexityPanel): Headline | null {
  const length = targetLength(view, panel);
  if (length === undefined) return null;
  const standings = standingsAt(view, panel, length);
  const searched = standings.find(({ method }) => method.kind === 'searched');
  const rival = standings.find(({ method }) => method.kind !== 'searched');
  if (searched === undefined || rival === undefined) return null;
  const name = searched.method.name;
  const at = `at ${formatCount(length)} tokens`;
  if (searched.perplexity === null) {
    return { statement: `${capitalised(name)} has no finite perplexity ${at}`, qualifications: [] };
  }
  const ratio = rival.perplexity === null ? null : searched.perplexity / rival.perplexity;
  const figures = `${formatPerplexity(searched.perplexity)} against ${formatPerplexity(rival.perplexity)}`;
  const statement =
    ratio === null || ratio < 1
      ? `${capitalised(name)} lowers perplexity ${at} to ${formatPerplexity(searched.perplexity)}${
          ratio === null ? '' : `, ${formatChange(ratio)} below ${rival.method.name}`
        }`
      : `${capitalised(name)} does not beat ${rival.method.name} ${at}: perplexity ${figures}`;
  return {
    statement,
    qualifications: [
      `${capitalised(rival.method.name)} is the best of the ${standings.length - 1} other methods ${at} (${formatPerplexity(rival.perplexity)}).`,
      ...[rival.method.name, ...yarnAmong(standings, rival)].flatMap((against) =>
        pairedSentence(panel, name, against, length),
      ),
      ...shortContextSentence(view, panel, name),
    ],
  };
}

/** What everyone asks about, also where another method is the best of the others. */
function yarnAmong(standings: readonly Standing[], rival: Standing): readonly string[] {
  const yarn = standings.find(({ method }) => /^yarn\b/i.test(method.name));
  return yarn === undefined || yarn === rival ? [] : [yarn.method.name];
}

function pairedSentence(panel: PerplexityPanel, name: string, against: string, length: number): readonly string[] {
  const paired = panel.comparisons.find((c) => c.name === name && c.against === against && c.length === length);
  if (paired?.ratio == null) return [];
  if (paired.documents === 1)
    return [
      `On a single document the ratio to ${against} is ${paired.ratio.toFixed(3)}: whether the difference is significant only more documents can tell.`,
    ];
  if (paired.interval === null) return [];
  const { low, high } = paired.interval;
  const range = `${low === null ? '∞' : low.toFixed(3)} to ${high === null ? '∞' : high.toFixed(3)}`;
  const settled = low !== null && high !== null && (high < 1 || low > 1);
  return [
    `Paired over ${formatCount(paired.documents)} documents the ratio to ${against} is ${paired.ratio.toFixed(3)}, ` +
      `${formatConfidence(panel.confidence)} interval ${range}: ${settled ? 'significant' : 'the difference may be chance'}.`,
  ];
}

/** The price of extension: what happens where the model was fine before. */
function shortContextSentence(view: ReportView, panel: PerplexityPanel, name: string): readonly string[] {
  const length = view.factors[0]?.originalLength;
  const unscaled = view.methods.find((method) => method.kind === 'unscaled');
  if (length === undefined || unscaled === undefined) return [];
  const before = perplexityAt(panel, unscaled.name, length);
  const after = perplexityAt(panel, name, length);
  if (before == null || after == null) return [];
  const change =
    after === before ? 'unchanged' : `${formatChange(after / before)} ${after > before ? 'higher' : 'lower'}`;
  return [
    `Inside the original ${formatCount(length)} tokens it is ${change}: ` +
      `${formatPerplexity(after)} against ${formatPerplexity(before)} ${unscaled.name === 'model' ? 'of the model as it is' : 'unscaled'}.`,
  ];
}

function searchHeadline(view: ReportView): Headline | null {
  const panel = view.searches[0];
  const run = panel?.runs[0];
  const ended = run && endOfRun(run);
  if (panel === undefined || run === undefined || ended == null || ended.loss === null) return null;
  const rival = [...panel.baselines].sort((a, b) => compareFigures(a.loss, b.loss))[0];
  const against = rival === undefined ? '' : ` (${rival.name}: ${formatLoss(rival.loss)})`;
  return {
    statement: `${capitalised(run.name)} reaches a loss of ${formatLoss(ended.loss)} at ${formatCount(panel.length)} tokens${against}`,
    qualifications: [
      `Found by ${run.algorithm} in ${formatCount(ended.documents)} document evaluations.`,
      'Nothing held out is compared here: whether the difference to YaRN is significant is not known from this report.',
    ],
  };
}

/** What a run found and spent; of reports that do not say, the end of its curve. null before its first generation. */
export function endOfRun({ found, points }: SearchPanel['runs'][number]): SearchPanel['runs'][number]['found'] {
  const last = points.at(-1);
  return found ?? (last === undefined ? null : { loss: last.best, documents: last.documents, tokens: last.tokens });
}

/** Methods measured at a length, best first. */
function standingsAt(view: ReportView, panel: PerplexityPanel, length: number): readonly Standing[] {
  return view.methods
    .flatMap((method) => {
      const perplexity = perplexityAt(panel, method.name, length);
      return perplexity === undefined ? [] : [{ method, perplexity }];
    })
    .sort((a, b) => compareFigures(a.perplexity, b.perplexity));
}

/** The lowest finite perplexity of each length. */
export function bestPerLength(panel: PerplexityPanel): ReadonlyMap<number, number> {
  const best = new Map<number, number>();
  for (const { length, perplexity } of panel.series.flatMap((series) => series.points)) {
    if (perplexity !== null && compareFigures(perplexity, best.get(length) ?? null) < 0) best.set(length, perplexity);
  }
  return best;
}

function perplexityAt(panel: PerplexityPanel, name: string, length: number): Figure | undefined {
  return panel.series.find((series) => series.name === name)?.points.find((point) => point.length === length)
    ?.perplexity;
}

/** Ascending, infinity last. */
function compareFigures(a: Figure, b: Figure): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a - b;
}

/** Sentence case for ordinary words; "YaRN" and "cma-es" style names that carry capitals or hyphens keep their spelling. */
function capitalised(name: string): string {
  return /^[a-z][a-z ]*$/.test(name) ? name[0]!.toUpperCase() + name.slice(1) : name;
}
