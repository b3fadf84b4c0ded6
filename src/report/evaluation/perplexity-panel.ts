import { documentWeights, pairedRatio } from '../../evaluation/index.js';
import type { KindOf } from '../evaluation-report.js';
import { type LossPanel, type PerplexityPanel, toFigure } from '../view-model.js';
import { ascendingLengths, CONFIDENCE, groupsOf, seriesOf } from './groups.js';

type FigureInterval = { readonly low: number | null; readonly high: number | null };

/** What both kinds of perplexity come to: one figure per length and a loss per document. */
interface Measured {
  readonly length: number;
  readonly perplexity: number | null;
  readonly interval: FigureInterval | null;
  readonly bootstrap: FigureInterval | null;
  readonly tokens: number;
  readonly documents: readonly MeasuredDocument[];
}

interface MeasuredDocument {
  /** null: not finite, or no token of it counts. */
  readonly loss: number | null;
  /** What it counts for in the perplexity. */
  readonly weight: number;
}

export function perplexityPanels(records: readonly KindOf<'perplexity'>[], reference: string): PerplexityPanel[] {
  return groupsOf(records).map((group) =>
    panel(
      'perplexity',
      group,
      seriesOf(group).map(({ name, results }) => ({
        name,
        points: results.map((result) => {
          const { length, perplexity, interval, bootstrap, tokens, documents } = result;
          const weights = documentWeights(result);
          const measured = documents.map(({ id, meanLoss }) => ({ loss: meanLoss, weight: weights.get(id) as number }));
          return { length, perplexity, interval, bootstrap, tokens, documents: measured };
        }),
      })),
      reference,
    ),
  );
}

export function longPerplexityPanels(records: readonly KindOf<'longppl'>[], reference: string): PerplexityPanel[] {
  return groupsOf(records).map((group) =>
    panel(
      'LongPPL',
      group,
      seriesOf(group).map(({ name, results }) => ({
        name,
        points: results.map(({ length, longPerplexity, interval, bootstrap, keyTokens, documents }) => ({
          length,
          perplexity: longPerplexity,
          interval,
          bootstrap,
          tokens: keyTokens,
          documents: documents.map(({ keyLoss, keyTokens: own }) => ({ loss: keyLoss, weight: own })),
        })),
      })),
      reference,
    ),
  );
}

function panel(
  measure: PerplexityPanel['measure'],
  { subject, protocol }: { readonly subject: string; readonly protocol: string },
  series: readonly { readonly name: string; readonly points: readonly Measured[] }[],
  reference: string,
): PerplexityPanel {
  const lengths = ascendingLengths(series.flatMap(({ points }) => points));
  const sorted = series.map(({ name, points }) => ({ name, points: points.toSorted((a, b) => a.length - b.length) }));
  return {
    subject,
    measure,
    protocol,
    confidence: CONFIDENCE,
    lengths,
    series: sorted.map(({ name, points }) => ({
      name,
      points: points.map(({ length, perplexity, interval, bootstrap, tokens, documents }) => ({
        length,
        perplexity,
        interval: interval && { low: interval.low, high: interval.high },
        bootstrap: bootstrap && { low: bootstrap.low, high: bootstrap.high },
        tokens,
        documents: documents.length,
      })),
    })),
    comparisons: lengths.flatMap((length) => comparisonsAt(length, sorted, reference)),
  };
}

/** Every series against the reference at one length, on the same documents. */
function comparisonsAt(
  length: number,
  series: readonly { readonly name: string; readonly points: readonly Measured[] }[],
  against: string,
): PerplexityPanel['comparisons'] {
  const documentsOf = (name: string) =>
    series.find((one) => one.name === name)?.points.find((point) => point.length === length)?.documents;
  const theirs = documentsOf(against);
  return series.flatMap(({ name }) => {
    const ours = documentsOf(name);
    if (name === against || ours === undefined || theirs === undefined || ours.length !== theirs.length) return [];
    const weights = ours.map(({ weight }) => weight);
    if (theirs.some(({ weight }, i) => weight !== weights[i])) return [];
    const counting = ({ loss, weight }: MeasuredDocument) => (weight === 0 ? 0 : loss);
    const losses = [ours.map(counting), theirs.map(counting)] as const;
    if (losses.flat().includes(null) || weights.every((weight) => weight === 0)) return [];
    const { ratio, interval } = pairedRatio(losses[0] as number[], losses[1] as number[], weights);
    return [
      {
        name,
        against,
        length,
        ratio: toFigure(ratio),
        interval: interval && { low: toFigure(interval.low), high: toFigure(interval.high) },
        documents: ours.length,
      },
    ];
  });
}

export function lossPanels(records: readonly KindOf<'perplexity'>[]): LossPanel[] {
  return groupsOf(records).flatMap((group) => {
    const series = seriesOf(group);
    return ascendingLengths(series.flatMap(({ results }) => results)).map((length) => {
      const measured = series.flatMap(({ name, results }) => {
        const result = results.find((one) => one.length === length);
        return result === undefined ? [] : [{ name, buckets: result.lossByPosition }];
      });
      return {
        subject: group.subject,
        length,
        bucketEdges: [...(measured[0]?.buckets.map(({ from }) => from) ?? [0]), length],
        series: measured.map(({ name, buckets }) => ({ name, loss: buckets.map(({ meanLoss }) => meanLoss) })),
      };
    });
  });
}
