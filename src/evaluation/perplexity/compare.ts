import type { TokenDocument } from '../../corpus/types.js';
import type { RopeSpec } from '../../model/types.js';
import type { ReportProgress } from '../../run/index.js';
import type { Engine } from '../../runtime/index.js';
import type { RopeMethod } from '../rope-method.js';
import { evaluatePerplexity, type PerplexityResult } from './perplexity.js';
import { type Protocol, windowsOf } from './protocol.js';

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
  readonly engine: Engine;
  readonly rope: RopeSpec;
  readonly methods: readonly RopeMethod[];
  readonly documents: readonly TokenDocument[];
  readonly bosTokenId: number | null;
  /** One per length. */
  readonly protocols: readonly Protocol[];
  readonly onProgress?: ReportProgress;
  readonly signal?: AbortSignal;
}

/** Every method at every length on the same documents, so that the figures can be compared pair by pair. */
export async function comparePerplexity(request: ComparisonRequest): Promise<MethodPerplexity[]> {
  const { engine, rope, methods, documents, bosTokenId, protocols, onProgress, signal } = request;
  // Long windows cost more than their share of tokens, but tokens are what an estimate of the time left has.
  const costs = protocols.map((protocol) =>
    windowsOf(protocol, documents, bosTokenId).reduce((tokens, { ids }) => tokens + ids.length, 0),
  );
  const total = methods.length * costs.reduce((sum, cost) => sum + cost, 0);
  const results: MethodPerplexity[] = [];
  let finished = 0;
  for (const [index, protocol] of protocols.entries()) {
    for (const method of methods) {
      const resolved = method.resolve(protocol.length);
      const cost = costs[index] as number;
      const result = await evaluatePerplexity({
        engine,
        documents,
        bosTokenId,
        protocol,
        rope: resolved,
        onWindow: (done, windows) =>
          onProgress?.(finished + (cost * done) / windows, total, `${method.name} at ${protocol.length}`),
        ...(signal && { signal }),
      });
      finished += cost;
      results.push({
        method: method.name,
        length: protocol.length,
        ratio: protocol.length / rope.originalLength,
        attentionFactor: resolved.attentionFactor,
        startTokens: resolved.startTokens,
        result,
      });
    }
  }
  return results;
}
