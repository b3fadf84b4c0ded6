import { type MethodPerplexity, pairedRatio } from '../evaluation/index.js';

import type { RopeSpec } from '../model/types.js';
import { criticalDimension } from '../rope/critical-dimension.js';
import type { Candidate, Score, SearchResult } from '../search/index.js';
import {
  type Method,
  type PerplexityPanel,
  type ReportInput,
  type ReportView,
  type SearchPanel,
  toFigure,
} from './view-model.js';

export interface NamedFactors {
  readonly name: string;
  readonly candidate: Candidate;
}

export interface SearchReport {
  readonly subject: string;
  readonly command: string;
  readonly generatedBy: string;
  readonly inputs: readonly ReportInput[];
  readonly rope: RopeSpec;
  readonly targetLength: number;
  readonly result: SearchResult;
  readonly methods: readonly Method[];
  /** Factor sets to draw, the searched one included. */
  readonly factors: readonly NamedFactors[];
  readonly perplexities: readonly MethodPerplexity[];
  readonly protocol: string;
  readonly notes: readonly string[];
}

/** The name under which a search's winner appears. */
export const SEARCHED = 'searched';

/** Everything one search found, as the view that terminal, JSON and page are made from. */
export function searchReport(report: SearchReport): ReportView {
  const { subject, rope, targetLength, result, perplexities } = report;
  return {
    format: 'longrope-report/1',
    title: `${subject}: rescale factors for ${targetLength.toLocaleString('en')} tokens`,
    generatedBy: report.generatedBy,
    command: report.command,
    methods: report.methods,
    inputs: report.inputs,
    summary: summary(report),
    factors: [
      {
        subject,
        rotaryPairs: rope.geometry.rotaryDim / 2,
        originalLength: rope.originalLength,
        targetLength,
        theta: rope.geometry.theta,
        criticalDimension: criticalPair(rope),
        series: report.factors.map(({ name, candidate }) => ({
          name,
          factors: [...candidate.factors],
          attentionFactor: candidate.attentionFactor,
          startTokens: candidate.startTokens,
        })),
      },
    ],
    searches: [searchPanel(report)],
    perplexity: perplexities.length === 0 ? [] : [perplexityPanel(report)],
    lossByPosition: lossPanels(subject, perplexities),
    retrieval: [],
    ruler: [],
    benchmarks: [],
    notes: [
      ...report.notes,
      `Search ended: ${Object.entries(result.stop)
        .map(([key, value]) => `${key} ${JSON.stringify(value)}`)
        .join(', ')}.`,
    ],
  };
}

function summary({ perplexities, targetLength, result, rope }: SearchReport): ReportView['summary'] {
  const at = (name: string) =>
    perplexities.find(({ method, length }) => method === name && length === targetLength)?.result;
  const searched = at(SEARCHED);
  const others = [...new Set(perplexities.map(({ method }) => method))].filter((name) => name !== SEARCHED);
  return [
    ...(searched === undefined
      ? []
      : [
          {
            label: `Perplexity at ${targetLength.toLocaleString('en')}`,
            value: searched.perplexity.toFixed(2),
            detail: others.map((name) => `${name} ${at(name)?.perplexity.toFixed(2)}`).join(', '),
          },
        ]),
    { label: 'Attention factor', value: result.winner.candidate.attentionFactor.toFixed(3), detail: result.algorithm },
    {
      label: 'Search cost',
      value: `${result.spent.documents.toLocaleString('en')} documents`,
      detail: `${(result.spent.tokens / 1e6).toFixed(2)} M tokens`,
    },
    {
      label: 'Context',
      value: `${rope.originalLength.toLocaleString('en')} → ${targetLength.toLocaleString('en')}`,
      detail: `${targetLength / rope.originalLength} times`,
    },
  ];
}

function searchPanel({ subject, targetLength, result }: SearchReport): SearchPanel {
  let best = Number.POSITIVE_INFINITY;
  return {
    subject,
    length: targetLength,
    runs: [
      {
        name: SEARCHED,
        algorithm: result.algorithm,
        points: result.curve.map(({ documents, tokens, comparableLoss }) => {
          best = Math.min(best, comparableLoss);
          return { documents, tokens, loss: toFigure(comparableLoss), best: toFigure(best) };
        }),
        stopReasons: Object.fromEntries(
          Object.entries(result.stop).map(([reason, value]) => [
            reason,
            typeof value === 'string' ? value : JSON.stringify(value),
          ]),
        ),
        found: { loss: toFigure(result.winner.loss), ...result.spent },
      },
    ],
    baselines: (result.baselines ?? []).map(({ name, loss }) => ({ name, loss: toFigure(loss) })),
    front: objectiveFront(result),
  };
}

function objectiveFront({ front, winner, baselines = [] }: SearchResult): SearchPanel['front'] {
  if (front === undefined) return null;
  const parts = Object.keys(winner.parts ?? {});
  const means = (of: Score['parts']) => parts.map((part) => toFigure(of?.[part] ?? Number.POSITIVE_INFINITY));
  return {
    parts,
    entries: [
      ...baselines.map(({ name, parts: of }) => ({ name, means: means(of), isFront: null })),
      ...front.map(({ name, candidate, parts: of, isFront }) => ({
        name: candidate === winner.candidate ? SEARCHED : name,
        means: means(of),
        isFront,
      })),
    ],
  };
}

function perplexityPanel({ subject, protocol, perplexities, methods }: SearchReport): PerplexityPanel {
  const unscaled = methods.find(({ kind }) => kind === 'unscaled')?.name;
  const names = [...new Set(perplexities.map(({ method }) => method))];
  const lengths = [...new Set(perplexities.map(({ length }) => length))].sort((a, b) => a - b);
  const of = (name: string) => perplexities.filter(({ method }) => method === name);
  return {
    subject,
    measure: 'perplexity',
    protocol,
    confidence: 0.95,
    lengths,
    series: names.map((name) => ({
      name,
      points: of(name).map(({ length, result }) => ({
        length,
        perplexity: toFigure(result.perplexity),
        interval: result.interval && { low: toFigure(result.interval.low), high: toFigure(result.interval.high) },
        bootstrap: result.bootstrap && { low: toFigure(result.bootstrap.low), high: toFigure(result.bootstrap.high) },
        tokens: result.tokens,
        documents: result.documents.length,
      })),
    })),
    comparisons: names.includes(SEARCHED) ? comparisons(names, lengths, perplexities, unscaled) : [],
  };
}

/** The winner against every method at the target, and against the untouched model at the length it was trained for. */
function comparisons(
  names: readonly string[],
  lengths: readonly number[],
  perplexities: readonly MethodPerplexity[],
  unscaled: string | undefined,
) {
  const documents = (name: string, at: number) =>
    perplexities.find(({ method, length }) => method === name && length === at)?.result.documents ?? [];
  const losses = (name: string, at: number) => documents(name, at).map(({ meanLoss }) => meanLoss);
  const [shortest, target] = [lengths[0] as number, lengths.at(-1) as number];
  const pairs = [
    ...names.filter((name) => name !== SEARCHED).map((against) => ({ against, length: target })),
    ...(shortest === target || unscaled === undefined ? [] : [{ against: unscaled, length: shortest }]),
  ];
  return pairs.map(({ against, length }) => {
    // As the perplexities themselves: every token alike.
    const weights = documents(SEARCHED, length).map(({ tokens }) => tokens);
    const { ratio, interval } = pairedRatio(losses(SEARCHED, length), losses(against, length), weights);
    return {
      name: SEARCHED,
      against,
      length,
      ratio: toFigure(ratio),
      interval: interval && { low: toFigure(interval.low), high: toFigure(interval.high) },
      documents: weights.length,
    };
  });
}

function lossPanels(subject: string, perplexities: readonly MethodPerplexity[]): ReportView['lossByPosition'] {
  const lengths = [...new Set(perplexities.map(({ length }) => length))].sort((a, b) => a - b);
  return lengths.flatMap((at) => {
    const series = perplexities.filter(({ length }) => length === at);
    const buckets = series[0]?.result.lossByPosition ?? [];
    // Losses that came from elsewhere are known by document alone.
    if (buckets.length === 0) return [];
    return {
      subject,
      length: at,
      bucketEdges: [...buckets.map(({ from }) => from), at],
      series: series.map(({ method, result }) => ({
        name: method,
        loss: result.lossByPosition.map(({ meanLoss }) => toFigure(meanLoss)),
      })),
    };
  });
}

function criticalPair({ geometry, originalLength }: RopeSpec): number | null {
  const pair = criticalDimension(geometry, originalLength);
  return pair < geometry.rotaryDim / 2 ? pair : null;
}
