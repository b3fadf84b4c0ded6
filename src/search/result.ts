import type { Spending } from './budget.js';
import { candidateJson } from './candidate.js';
import { meanExcess } from './compared-loss.js';
import { type DocumentLoss, tokenWeightedLoss } from './objective.js';
import type { Parts } from './second-interpolation.js';
import type { Candidate, Json, StopReasons } from './types.js';

/** A candidate with its loss on every document of an objective. */
export interface Score {
  readonly name: string;
  readonly candidate: Candidate;
  /** Nats per token, per document. */
  readonly documentLosses: readonly number[];
  /** Nats per token over all documents, every token alike. */
  readonly loss: number;
  /** By name of the objective's parts: the mean over documents, nats per token. */
  readonly parts?: Readonly<Record<string, number>>;
  /** How far the loss at the original length is above what was allowed, nats per token; positive breaks the limit. */
  readonly shortExcess?: number;
}

/** A score in comparison with others by each part of an objective. */
export interface FrontEntry extends Score {
  /** Whether none of the others is as good in every part and better in one. */
  readonly isFront: boolean;
}

/** One point of the search curve. */
export interface GenerationSummary {
  readonly generation: number;
  /** Document evaluations spent when it was told. */
  readonly documents: number;
  readonly tokens: number;
  /** Indices of the documents it was scored on. */
  readonly scoredOn: readonly number[];
  /** With the pull towards 1, if there is one: what candidates are compared by. */
  readonly bestLoss: number;
  readonly medianLoss: number;
  /**
   * `bestLoss` moved to the level of all documents: what it is above the winner on the generation's documents, added to
   * the winner's loss on all. Generations on different documents can be drawn in one curve this way.
   */
  readonly comparableLoss: number;
}

export interface SearchResult {
  readonly algorithm: string;
  readonly seed: number;
  readonly stop: StopReasons;
  readonly spent: Pick<Spending, 'documents' | 'tokens'>;
  /** The best of `contenders` on all search documents. */
  readonly winner: Score;
  readonly contenders: readonly Score[];
  readonly curve: readonly GenerationSummary[];
  /** The baselines on the search documents, where that was asked for. */
  readonly baselines?: readonly Score[];
  /** The winner, named 'searched', and the baselines on held-out documents; null without such documents. */
  readonly heldOut: { readonly documents: readonly string[]; readonly scores: readonly Score[] } | null;
  /** Of a search with racing: how many candidates, how many ended early, evaluations of them, and what they would have been otherwise. */
  readonly races?: {
    readonly candidates: number;
    readonly dropped: number;
    readonly evaluations: number;
    readonly planned: number;
  };
  /** Of an objective of several parts: all contenders, and every candidate that is on the Pareto front. */
  readonly front?: readonly FrontEntry[];
  /** Of a second interpolation: what was frozen, and what the winner multiplies it by. */
  readonly parts?: Parts;
}

export function score(
  name: string,
  candidate: Candidate,
  losses: readonly DocumentLoss[],
  parts: readonly string[] = [],
): Score {
  const documentLosses = losses.map(({ lossSum, tokens }) => lossSum / tokens);
  const mean = (part: number) =>
    losses.reduce((sum, of) => sum + (of.parts?.[part] ?? Number.POSITIVE_INFINITY), 0) / losses.length;
  const shortExcess = meanExcess(losses);
  return {
    name,
    candidate,
    documentLosses,
    loss: tokenWeightedLoss(losses),
    ...(parts.length > 0 && { parts: Object.fromEntries(parts.map((part, i) => [part, mean(i)])) }),
    ...(shortExcess !== null && { shortExcess }),
  };
}

/** `GenerationSummary.comparableLoss`. */
export function comparableLoss(
  { bestLoss, scoredOn }: Pick<GenerationSummary, 'bestLoss' | 'scoredOn'>,
  winner: Score,
  scoredTokens: readonly number[],
): number {
  const there = tokenWeightedLoss(
    scoredOn.map((document) => {
      const tokens = scoredTokens[document] as number;
      return { lossSum: (winner.documentLosses[document] as number) * tokens, tokens };
    }),
  );
  return bestLoss - there + winner.loss;
}

/** JSON knows no infinities: null stands for a loss that is not finite. */
export function resultJson(result: SearchResult): Json {
  const number = (value: number) => (Number.isFinite(value) ? value : null);
  const scoreJson = ({ name, candidate, documentLosses, loss, parts, shortExcess }: Score) => ({
    name,
    candidate: candidateJson(candidate),
    loss: number(loss),
    documentLosses: documentLosses.map(number),
    ...(parts && { parts: Object.fromEntries(Object.entries(parts).map(([part, mean]) => [part, number(mean)])) }),
    ...(shortExcess !== undefined && { shortExcess: number(shortExcess) }),
  });
  const { algorithm, seed, stop, spent, winner, contenders, curve, baselines, heldOut, races, front, parts } = result;
  return {
    algorithm,
    seed,
    stop,
    spent,
    winner: scoreJson(winner),
    contenders: contenders.map(scoreJson),
    curve: curve.map((point) => ({
      ...point,
      bestLoss: number(point.bestLoss),
      medianLoss: number(point.medianLoss),
      comparableLoss: number(point.comparableLoss),
    })),
    ...(baselines && { baselines: baselines.map(scoreJson) }),
    heldOut: heldOut && { documents: heldOut.documents, scores: heldOut.scores.map(scoreJson) },
    ...(races && { races }),
    ...(front && { front: front.map((entry) => ({ ...scoreJson(entry), isFront: entry.isFront })) }),
    ...(parts && {
      parts: {
        frozen: { ...(candidateJson(parts.frozen) as object), length: parts.frozen.length },
        multiplier: candidateJson(parts.multiplier),
      },
    }),
  };
}
