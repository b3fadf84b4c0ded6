import type { TokenDocument } from '../../corpus/types.js';
import type { RopeSpec } from '../../model/types.js';
import type { ReportProgress } from '../../run/index.js';
import type { Engine } from '../../runtime/index.js';
import { firstAlike } from '../alike.js';
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
  const plan = protocols.map((protocol) => ({
    protocol,
    distinct: methods.filter((method) => firstAlike(methods, method, protocol.length) === method),
    // Long windows cost more than their share of tokens, but tokens are what an estimate of the time left has.
    cost: windowsOf(protocol, documents, bosTokenId).reduce((tokens, { ids }) => tokens + ids.length, 0),
  }));
  const total = plan.reduce((sum, { distinct, cost }) => sum + distinct.length * cost, 0);
  const results: MethodPerplexity[] = [];
  let finished = 0;
  for (const { protocol, distinct, cost } of plan) {
    const computed = new Map<RopeMethod, PerplexityResult>();
    for (const method of distinct) {
      const result = await evaluatePerplexity({
        engine,
        documents,
        bosTokenId,
        protocol,
        rope: method.resolve(protocol.length),
        onWindow: (done, windows) =>
          onProgress?.(finished + (cost * done) / windows, total, `${method.name} at ${protocol.length}`),
        ...(signal && { signal }),
      });
      finished += cost;
      computed.set(method, result);
    }
    for (const method of methods) {
      const { attentionFactor, startTokens } = method.resolve(protocol.length);
      results.push({
        method: method.name,
        length: protocol.length,
        ratio: protocol.length / rope.originalLength,
        attentionFactor,
        startTokens,
        result: computed.get(firstAlike(methods, method, protocol.length)) as PerplexityResult,
      });
    }
  }
  return results;
}
