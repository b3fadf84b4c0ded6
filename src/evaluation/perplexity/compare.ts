import type { TokenDocument } from '../../corpus/types.js';
import type { RopeSpec } from '../../model/types.js';
import { type ReportProgress, type RunFolder, resumeItems } from '../../run/index.js';
import type { Engine } from '../../runtime/index.js';
import { firstAlike } from '../alike.js';
import type { RopeMethod } from '../rope-method.js';
import { evaluateWindow, type LossEngine, type PerplexityResult, summarisePerplexity } from './perplexity.js';
import { type Protocol, type Window, windowsOf } from './protocol.js';
import { fromStored, type StoredLoss, toStored } from './window-loss.js';

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
  readonly method: RopeMethod;
  readonly protocol: Protocol;
  readonly index: number;
  readonly window: Window;
}

/**
 * Every method at every length on the same documents, so that the figures can be compared pair by pair; methods with the same rotary
 * tables at a length are computed once there. `finish` runs while the folder is still held.
 */
export async function comparePerplexity(
  request: ComparisonRequest,
  finish: (results: readonly MethodPerplexity[], file: (name: string) => string) => Promise<void> = async () =>
    undefined,
): Promise<MethodPerplexity[]> {
  const { engine, rope, methods, documents, bosTokenId, protocols, folder, onProgress, signal } = request;
  const items: WindowItem[] = protocols.flatMap((protocol) => {
    const windows = windowsOf(protocol, documents, bosTokenId);
    return methods
      .filter((method) => firstAlike(methods, method, protocol.length) === method)
      .flatMap((method) => windows.map((window, index) => ({ method, protocol, index, window })));
  });
  const resultsOf = (losses: readonly StoredLoss[]) =>
    protocols.flatMap((protocol) =>
      methods.map((method): MethodPerplexity => {
        const computed = firstAlike(methods, method, protocol.length);
        const own = items.flatMap((item, i) => (item.method === computed && item.protocol === protocol ? [i] : []));
        const { attentionFactor, startTokens } = method.resolve(protocol.length);
        return {
          method: method.name,
          length: protocol.length,
          ratio: protocol.length / rope.originalLength,
          attentionFactor,
          startTokens,
          result: summarisePerplexity(
            { documents, bosTokenId, protocol },
            own.map((i) => (items[i] as WindowItem).window),
            own.map((i) => fromStored(losses[i] as StoredLoss)),
          ),
        };
      }),
    );
  const losses = await resumeItems<WindowItem, StoredLoss>(
    folder,
    {
      items,
      key: ({ method, protocol, index }) => `${method.name}/${protocol.length}/${index}`,
      parallel: engine.workers,
      // Long windows cost more than their share of tokens, but tokens are what an estimate of the time left has.
      cost: ({ window }) => window.ids.length,
      evaluate: async ({ method, protocol, window }, aborted) =>
        toStored(await evaluateWindow(engine, window, protocol, method.resolve(protocol.length), aborted)),
      ...(onProgress && {
        onProgress: (done: number, total: number, { method, protocol }: WindowItem) =>
          onProgress(done, total, `${method.name} at ${protocol.length}`),
      }),
      ...(signal && { signal }),
    },
    (found, file) => finish(resultsOf(found), file),
  );
  return resultsOf(losses);
}
