import type { TokenDocument } from '../corpus/types.js';
import { type Window, windowsOf } from '../evaluation/index.js';
import { rescaledRope } from '../rope/frequencies.js';
import { logFactorGradient } from '../rope/table-gradient.js';
import type { ResolvedRope, RopeGeometry } from '../rope/types.js';
import type { Engine } from '../runtime/index.js';
import { type DocumentLoss, type Objective, sumGradients } from './objective.js';

/** A length in tokens, BOS included, and its share in the mean; shares need not sum to 1. */
export interface WeightedLength {
  readonly length: number;
  readonly weight: number;
}

export interface ModelObjectiveOptions {
  readonly engine: Engine;
  readonly geometry: RopeGeometry;
  readonly documents: readonly TokenDocument[];
  readonly bosTokenId: number | null;
  /** How much of each document is read: usually the target length of the search alone. */
  readonly lengths: readonly WeightedLength[];
}

/**
 * The loss of candidates on real documents (protocol `document`). With several lengths a document is read once at each, and its
 * loss is the weighted mean of their losses per token; its tokens are those of all lengths. Requests run as parallel as
 * the engine allows.
 */
export function modelObjective({ engine, geometry, documents, bosTokenId, lengths }: ModelObjectiveOptions): Objective {
  const weights = lengths.map(({ weight }) => weight);
  const windowsAt = lengths.map(({ length }) => windowsOf({ name: 'document', length }, documents, bosTokenId));
  const windows = documents.map((_, document) => windowsAt.map((at) => at[document] as Window));
  return {
    documents: documents.map(({ id }) => id),
    scoredTokens: windows.map((of) => of.reduce((sum, { tokens }) => sum + tokens, 0)),
    gradients: true,
    evaluate(requests, { onResult, signal } = {}) {
      return Promise.all(
        requests.map(async ({ candidate, document, gradient = false }, index) => {
          const of = windows[document];
          if (of === undefined) throw new Error(`no document ${document}`);
          const rope = rescaledRope(geometry, candidate);
          const loss = weightedLoss(
            await Promise.all(of.map((window) => (gradient ? gradientOf : lossOf)(engine, window, rope, signal))),
            weights,
          );
          onResult?.(index, loss);
          return loss;
        }),
      );
    },
  };
}

async function lossOf(
  engine: Engine,
  { ids, scoreFrom, tokens }: Window,
  rope: ResolvedRope,
  signal: AbortSignal | undefined,
): Promise<DocumentLoss> {
  const losses = await engine.tokenLosses({ ids, rope, scoreFrom }, signal);
  return { lossSum: losses.reduce((sum, value) => sum + value, 0), tokens };
}

async function gradientOf(
  engine: Engine,
  { ids, scoreFrom, tokens }: Window,
  rope: ResolvedRope,
  signal: AbortSignal | undefined,
): Promise<DocumentLoss> {
  const { lossSum, ...ofRope } = await engine.ropeGradient({ ids, rope, scoreFrom }, signal);
  const gradient = {
    logFactors: [...logFactorGradient(rope, ofRope)],
    logAttentionFactor: rope.attentionFactor * ofRope.attentionFactor,
  };
  const isSound = [lossSum, gradient.logAttentionFactor, ...gradient.logFactors].every(Number.isFinite);
  return { lossSum, tokens, ...(isSound && { gradient }) };
}

/** One length is left as it is; several become a sum that is their weighted mean per token. */
export function weightedLoss(losses: readonly DocumentLoss[], weights: readonly number[]): DocumentLoss {
  const [first, ...others] = losses;
  if (first !== undefined && others.length === 0) return first;
  const tokens = losses.reduce((sum, loss) => sum + loss.tokens, 0);
  const share = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = losses.reduce((sum, loss, i) => sum + (weights[i] as number) * (loss.lossSum / loss.tokens), 0) / share;
  const parts = losses.flatMap(({ gradient, tokens: own }, i) =>
    gradient === undefined ? [] : [{ gradient, share: ((weights[i] as number) / share) * (tokens / own) }],
  );
  return { lossSum: mean * tokens, tokens, ...(parts.length === losses.length && { gradient: sumGradients(parts) }) };
}
