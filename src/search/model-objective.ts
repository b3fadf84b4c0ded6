import type { TokenDocument } from '../corpus/types.js';
import { rescaledRope } from '../rope/frequencies.js';
import { logFactorGradient } from '../rope/table-gradient.js';
import type { ResolvedRope, RopeGeometry } from '../rope/types.js';
import type { Engine, WeightedLossRequest } from '../runtime/index.js';
import { scoredWeight } from '../runtime/scored-weight.js';
import {
  type CandidateGradient,
  type DocumentLoss,
  type Objective,
  type ShortLoss,
  sumGradients,
} from './objective.js';
import { documentRows, type ObjectiveMeasure, type ScoredRow } from './objectives/measures.js';
import {
  meanLoss,
  type Pass,
  planPasses,
  predictedTokens,
  tokenShares,
  type WeightedLength,
} from './objectives/passes.js';
import type { ShortLimit } from './objectives/short-limit.js';

export interface ModelObjectiveOptions {
  readonly engine: Engine;
  readonly geometry: RopeGeometry;
  readonly documents: readonly TokenDocument[];
  readonly bosTokenId: number | null;
  /** How much of each document is read: usually the target length of the search alone. */
  readonly lengths: readonly WeightedLength[];
  /** Default: the loss of all tokens. */
  readonly measures?: readonly ObjectiveMeasure[];
  readonly shortLimit?: ShortLimit;
}

/** One candidate in one engine. */
interface Job {
  readonly engine: Engine;
  readonly rope: ResolvedRope;
  readonly signal: AbortSignal | undefined;
}

/**
 * The loss of candidates on real documents: the weighted mean, over lengths and measures, of mean losses per token. A document is
 * read once for each length and text, and its tokens are those of all. Requests run as parallel as the engine allows.
 */
export function modelObjective(options: ModelObjectiveOptions): Objective {
  const { engine, geometry, documents, bosTokenId, lengths, shortLimit } = options;
  const perplexity = { name: 'perplexity', weight: 1, rows: documentRows(documents, bosTokenId) } as const;
  const { parts, passes } = planPasses(options.measures ?? [perplexity], lengths, documents.length);
  const scoredTokens = passes.map((of, document) => {
    const short = shortLimit?.rows[document];
    return [...of, ...(short ? [short] : [])].reduce((sum, pass) => sum + predictedTokens(pass), 0);
  });
  const names = [...parts, ...(shortLimit ? [`short ${shortLimit.length}`] : [])];
  return {
    documents: documents.map(({ id }) => id),
    scoredTokens,
    gradients: true,
    ...(names.length > 1 && { parts: names }),
    hasShortLimit: shortLimit !== undefined,
    evaluate(requests, { onResult, signal } = {}) {
      return Promise.all(
        requests.map(async ({ candidate, document, gradient = false }, index) => {
          const of = passes[document];
          if (of === undefined) throw new Error(`no document ${document}`);
          const job: Job = { engine, rope: rescaledRope(geometry, candidate), signal };
          const tokens = scoredTokens[document] as number;
          const loss = gradient
            ? await withGradient(job, of, tokens, shortLimit && shortAt(shortLimit, document))
            : await withParts(job, of, tokens, shortLimit && shortAt(shortLimit, document));
          onResult?.(index, loss);
          return loss;
        }),
      );
    },
  };
}

interface ShortRow {
  readonly row: ScoredRow;
  /** Nats per token. */
  readonly allowed: number;
}

function shortAt({ rows, baseLosses, rise }: ShortLimit, document: number): ShortRow {
  return { row: rows[document] as ScoredRow, allowed: (baseLosses[document] as number) + rise };
}

async function withParts(
  { engine, rope, signal }: Job,
  passes: readonly Pass[],
  tokens: number,
  short: ShortRow | undefined,
): Promise<DocumentLoss> {
  const lossesOf = ({ ids, scoreFrom }: ScoredRow) => engine.tokenLosses({ ids, rope, scoreFrom }, signal);
  const [all, shortLosses] = await Promise.all([Promise.all(passes.map(lossesOf)), short && lossesOf(short.row)]);
  const [only, ...others] = passes;
  if (only !== undefined && others.length === 0 && isPlain(only) && short === undefined)
    return { lossSum: sumOf(all[0] as Float32Array), tokens };
  const parts: number[] = [];
  let mean = 0;
  for (const [i, { shares, scoreFrom }] of passes.entries())
    for (const { part, share, row } of shares) {
      const loss = meanLoss(row, all[i] as Float32Array, scoreFrom);
      parts[part] = loss;
      if (share > 0) mean += share * loss;
    }
  if (short === undefined || shortLosses === undefined)
    return { lossSum: mean * tokens, tokens, ...(parts.length > 1 && { parts }) };
  const shortMean = meanLoss(short.row, shortLosses, short.row.scoreFrom);
  return { lossSum: mean * tokens, tokens, parts: [...parts, shortMean], short: { excess: shortMean - short.allowed } };
}

async function withGradient(
  job: Job,
  passes: readonly Pass[],
  tokens: number,
  short: ShortRow | undefined,
): Promise<DocumentLoss> {
  const minimised = passes.filter(({ shares }) => shares.some(({ share }) => share > 0));
  const [all, ofShort] = await Promise.all([
    Promise.all(minimised.map((pass) => passGradient(job, pass))),
    short && shortGradient(job, short),
  ]);
  // Multiplied first: of a pass that is all there is, the quotient is then exactly 1.
  const scaled = all.map(({ share, weight, ...loss }) => ({ ...loss, share: (share * tokens) / weight }));
  const lossSum = scaled.reduce((sum, pass) => sum + pass.share * pass.lossSum, 0);
  return {
    lossSum,
    tokens,
    ...(scaled.every(isSound) && { gradient: sumGradients(scaled) }),
    ...(ofShort && { short: ofShort }),
  };
}

interface RopeLoss {
  readonly lossSum: number;
  readonly gradient: CandidateGradient;
}

/** Of a pass; times `share` / `weight` it is what the pass adds to the whole mean. */
async function passGradient(
  job: Job,
  pass: Pass,
): Promise<RopeLoss & { readonly share: number; readonly weight: number }> {
  const { ids, scoreFrom, shares } = pass;
  const tokenWeights = tokenShares(pass);
  const loss = await ropeLoss(job, { ids, scoreFrom, ...(tokenWeights && { tokenWeights }) });
  if (tokenWeights !== undefined) return { ...loss, share: 1, weight: 1 };
  return { ...loss, share: shares.reduce((sum, { share }) => sum + share, 0), weight: ids.length - scoreFrom };
}

async function shortGradient(job: Job, { row, allowed }: ShortRow): Promise<ShortLoss> {
  const loss = await ropeLoss(job, row);
  const share = 1 / scoredWeight(row);
  return {
    excess: share * loss.lossSum - allowed,
    ...(isSound(loss) && { gradient: sumGradients([{ gradient: loss.gradient, share }]) }),
  };
}

async function ropeLoss({ engine, rope, signal }: Job, request: Omit<WeightedLossRequest, 'rope'>): Promise<RopeLoss> {
  const { lossSum, ...ofRope } = await engine.ropeGradient({ ...request, rope }, signal);
  const logFactors = [...logFactorGradient(rope, ofRope)];
  return { lossSum, gradient: { logFactors, logAttentionFactor: rope.attentionFactor * ofRope.attentionFactor } };
}

function isSound({ lossSum, gradient }: RopeLoss): boolean {
  return [lossSum, gradient.logAttentionFactor, ...gradient.logFactors].every(Number.isFinite);
}

/** One part, all of whose tokens count alike and are paid for. */
function isPlain({ ids, shares: [only, ...others], scoreFrom }: Pass): boolean {
  return others.length === 0 && only?.row.tokenWeights === undefined && scoreFrom === 1 && ids.length > 1;
}

function sumOf(losses: Float32Array): number {
  return losses.reduce((sum, loss) => sum + loss, 0);
}
