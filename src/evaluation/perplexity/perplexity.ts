import type { TokenDocument } from '../../corpus/types.js';
import type { ResolvedRope } from '../../rope/types.js';
import type { Engine } from '../../runtime/index.js';
import { bootstrapInterval } from '../statistics/bootstrap.js';
import { expInterval, type Interval, ratioInterval, ratioMean, type WeightedSum } from '../statistics/ratio.js';
import { type PositionBucket, PositionBuckets } from './position-buckets.js';
import { type Protocol, type Window, windowsOf } from './protocol.js';
import { type WindowLoss, windowLoss } from './window-loss.js';

export interface DocumentLoss {
  readonly id: string;
  readonly tokens: number;
  readonly windows: number;
  /** nats; over its tokens, under `released` over its windows */
  readonly meanLoss: number;
}

export interface PerplexityResult {
  readonly protocol: Protocol;
  readonly bos: boolean;
  /** exp(meanLoss). */
  readonly perplexity: number;
  /** nats; weighted as the protocol says. */
  readonly meanLoss: number;
  /** 95 % interval of the perplexity over documents, Student t; null with one document. */
  readonly interval: Interval | null;
  /** The same by bootstrap (BCa); null with fewer than five documents. */
  readonly bootstrap: Interval | null;
  readonly tokens: number;
  readonly documents: readonly DocumentLoss[];
  readonly lossByPosition: readonly PositionBucket[];
}

/** All that perplexity needs of an engine. */
export type LossEngine = Pick<Engine, 'tokenLosses'>;

export interface PerplexityRequest {
  readonly engine: LossEngine;
  readonly documents: readonly TokenDocument[];
  readonly bosTokenId: number | null;
  readonly protocol: Protocol;
  readonly rope: ResolvedRope;
  readonly signal?: AbortSignal;
}

/** Perplexity of the documents under one protocol and one RoPE. Windows run in parallel; sums keep the windows' order. */
export async function evaluatePerplexity(request: PerplexityRequest): Promise<PerplexityResult> {
  const { engine, documents, bosTokenId, protocol, rope, signal } = request;
  const windows = windowsOf(protocol, documents, bosTokenId);
  const losses = await Promise.all(windows.map((window) => evaluateWindow(engine, window, protocol, rope, signal)));
  return summarisePerplexity({ documents, bosTokenId, protocol }, windows, losses);
}

async function evaluateWindow(
  engine: LossEngine,
  { ids, scoreFrom }: Window,
  protocol: Protocol,
  rope: ResolvedRope,
  signal?: AbortSignal,
): Promise<WindowLoss> {
  return windowLoss(await engine.tokenLosses({ ids, rope, scoreFrom }, signal), scoreFrom, protocol.length);
}

/** The result that follows from the losses of all windows, in the windows' order. */
export function summarisePerplexity(
  { documents, bosTokenId, protocol }: Pick<PerplexityRequest, 'documents' | 'bosTokenId' | 'protocol'>,
  windows: readonly Window[],
  losses: readonly WindowLoss[],
): PerplexityResult {
  const buckets = new PositionBuckets(protocol.length);
  for (const loss of losses) buckets.addSums(loss.buckets);
  const sums = losses.map(({ sum }) => sum);
  const perDocument = documents.map(({ id }, document) => {
    const own = windows.flatMap((window, i) => (window.document === document ? [i] : []));
    const total: WeightedSum = {
      sum: own.reduce((value, i) => value + (sums[i] as number), 0),
      weight: own.reduce((value, i) => value + (windows[i] as Window).tokens, 0),
    };
    return { id, windows: own.length, total };
  });
  const units =
    protocol.name === 'released'
      ? releasedUnits(windows, sums, documents.length)
      : perDocument.map(({ total }) => total);
  const meanLoss = ratioMean(units);
  return {
    protocol,
    bos: bosTokenId !== null,
    perplexity: Math.exp(meanLoss),
    meanLoss,
    interval: expInterval(ratioInterval(units)),
    bootstrap: expInterval(bootstrapInterval(units)),
    tokens: perDocument.reduce((tokens, { total }) => tokens + total.weight, 0),
    documents: perDocument.map(({ id, windows: count, total }, i) => ({
      id,
      tokens: total.weight,
      windows: count,
      meanLoss: ratioMean(units.slice(i, i + 1)),
    })),
    lossByPosition: buckets.result(),
  };
}

/** The released script averages window means without weighting them by their tokens; documents stay the sample units. */
function releasedUnits(windows: readonly Window[], sums: readonly number[], documents: number): WeightedSum[] {
  const units = Array.from({ length: documents }, () => ({ sum: 0, weight: 0 }));
  windows.forEach(({ document, tokens }, i) => {
    const unit = units[document] as { sum: number; weight: number };
    unit.sum += (sums[i] as number) / tokens;
    unit.weight += 1;
  });
  return units;
}
