import type { TokenDocument } from '../../corpus/types.js';
import type { RopeSpec } from '../../model/types.js';
import { type ReportProgress, type RunFolder, resumeItems } from '../../run/index.js';
import type { Engine } from '../../runtime/index.js';
import type { RopeMethod } from '../rope-method.js';
import { type LossEngine, type PerplexityResult, summarisePerplexity } from './perplexity.js';
import { type Protocol, type Window, windowsOf } from './protocol.js';
import { type SharedPass, sharedPasses } from './shared-passes.js';
import { fromStored, type StoredLoss, toStored, windowLoss } from './window-loss.js';

/** Perplexity of one method at one length. */
export interface MethodPerplexity {
  readonly method: string;
  readonly length: number;
  /** length / original length. */
  readonly ratio: number;
  readonly attentionFactor: number;
  readonly startTokens: number;
  readonly result: PerplexityResult;
}

export interface ComparisonRequest {
  readonly engine: LossEngine & Pick<Engine, 'workers'>;
  readonly rope: RopeSpec;
  readonly methods: readonly RopeMethod[];
  readonly documents: readonly TokenDocument[];
  readonly bosTokenId: number | null;
  /** One per length. */
  readonly protocols: readonly Protocol[];
  /** Where windows are kept as soon as they are scored, so that a run goes on where it was cut off. */
  readonly folder: RunFolder;
  readonly onProgress?: ReportProgress;
  readonly signal?: AbortSignal;
}

interface WindowItem {
  readonly pass: SharedPass;
  readonly index: number;
  readonly window: Window;
}

/** What one window gives, by length. */
type WindowLosses = { readonly [length: string]: StoredLoss };

/**
 * Every method at every length on the same documents, so that the figures can be compared pair by pair; what has the same rotary
 * table is computed once (`sharedPasses`). `finish` runs while the folder is still held.
 */
export async function comparePerplexity(
  request: ComparisonRequest,
  finish: (results: readonly MethodPerplexity[], file: (name: string) => string) => Promise<void> = async () =>
    undefined,
): Promise<MethodPerplexity[]> {
  const { engine, rope, methods, documents, bosTokenId, protocols, folder, onProgress, signal } = request;
  const passes = sharedPasses(methods, protocols);
  const windows = new Map(protocols.map((protocol) => [protocol, windowsOf(protocol, documents, bosTokenId)]));
  const items: WindowItem[] = passes.flatMap((pass) =>
    (windows.get(pass.protocol) as Window[]).map((window, index) => ({ pass, index, window })),
  );
  const resultOf = (method: RopeMethod, protocol: Protocol, losses: readonly WindowLosses[]): MethodPerplexity => {
    const pass = passes.find(({ serves }) =>
      serves.some((cell) => cell.method === method && cell.protocol === protocol),
    );
    const own = items.flatMap((item, i) => (item.pass === pass ? [losses[i] as WindowLosses] : []));
    const { attentionFactor, startTokens } = method.resolve(protocol.length);
    return {
      method: method.name,
      length: protocol.length,
      ratio: protocol.length / rope.originalLength,
      attentionFactor,
      startTokens,
      result: summarisePerplexity(
        { documents, bosTokenId, protocol },
        windows.get(protocol) as Window[],
        own.map((of) => fromStored(of[protocol.length] as StoredLoss)),
      ),
    };
  };
  const resultsOf = (losses: readonly WindowLosses[]) =>
    protocols.flatMap((protocol) => methods.map((method) => resultOf(method, protocol, losses)));
  const losses = await resumeItems<WindowItem, WindowLosses>(
    folder,
    {
      items,
      key: ({ pass: { method, protocol }, index }) => `${method.name}/${protocol.length}/${index}`,
      parallel: engine.workers,
      // Long windows cost more than their share of tokens, but tokens are what an estimate of the time left has.
      cost: ({ window }) => window.ids.length,
      evaluate: (item, aborted) => lossesOf(engine, item, aborted),
      ...(onProgress && {
        onProgress: (done: number, total: number, { pass: { method, protocol } }: WindowItem) =>
          onProgress(done, total, `${method.name} at ${protocol.length}`),
      }),
      ...(signal && { signal }),
    },
    (found, file) => finish(resultsOf(found), file),
  );
  return resultsOf(losses);
}

async function lossesOf(
  engine: LossEngine,
  { pass: { method, protocol, serves }, window: { ids, scoreFrom } }: WindowItem,
  signal: AbortSignal,
): Promise<WindowLosses> {
  const losses = await engine.tokenLosses({ ids, rope: method.resolve(protocol.length), scoreFrom }, signal);
  const lengths = [...new Set(serves.map((cell) => cell.protocol.length))];
  return Object.fromEntries(
    lengths.map((length) => {
      // A shorter window ends there; one of its own length may be shorter than that, at the end of a text.
      const own = length < protocol.length ? losses.subarray(0, length - scoreFrom) : losses;
      return [length, toStored(windowLoss(own, scoreFrom, length))];
    }),
  );
}
