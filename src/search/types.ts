import type { FactorVector } from '../rope/types.js';
import type { Json } from '../run/json.js';
import type { CandidateGradient, ShortLoss } from './objective.js';

export type { Json };

/** A point of the search space: what is put into the rotary table. */
export interface Candidate {
  readonly factors: FactorVector;
  /** Multiplies cos and sin. */
  readonly attentionFactor: number;
  /** Positions below this keep base frequencies. */
  readonly startTokens: number;
}

export interface Evaluation {
  readonly candidate: Candidate;
  /** Mean negative log-likelihood in nats per token over the documents of this evaluation; +Infinity for a non-finite model output. */
  readonly loss: number;
  /** Indices of these documents, ascending. */
  readonly documents?: readonly number[];
  /** Of the loss without what a limit charges, where the algorithm asked for gradients; null if the model's output is not finite. */
  readonly gradient?: CandidateGradient | null;
  /** With the gradient, where there is a limit at the original length: how far above it, nats per token. */
  readonly short?: Required<ShortLoss>;
}

/** Empty = go on. Each entry is a reason and its value, e.g. { tolerance: 1e-6 }. */
export type StopReasons = Readonly<Record<string, Json>>;

/**
 * Ask/tell (after pycma). An algorithm holds no model and does no I/O; it is deterministic in its seed and in what it is
 * told. `tell` receives exactly the candidates of the last `ask`, in the same order; it may receive only the first of them
 * when the budget ends there, and is then not asked again.
 */
export interface SearchAlgorithm {
  readonly name: string;
  /** Every hyper-parameter with its value, for the manifest. */
  readonly hyperparameters: { readonly [key: string]: Json };
  /**
   * True if losses of different generations are compared (parents that stay). Then each candidate must be scored on the same
   * documents, and the driver may end within a generation.
   */
  readonly comparesAcrossGenerations: boolean;
  /** Candidates of the smallest generation, that of the seeds and one the budget cuts short aside; not given: not known. */
  readonly generationSize?: number;
  /** Documents on which a generation is scored; a number below all rotates through them. */
  readonly documentsPerGeneration: number | 'all';
  /** The next generation; empty when the space is exhausted, and then `stop` says so. */
  ask(): readonly Candidate[];
  /** Whether the candidates of the last `ask` are wanted with gradients, which cost `GRADIENT_COST` evaluations each; default no. */
  wantsGradients?(): boolean;
  /** Most candidates of one `ask` whose gradients are wanted; given wherever `wantsGradients` is. */
  readonly gradientCandidates?: number;
  tell(evaluations: readonly Evaluation[]): void;
  stop(): StopReasons;
  /** The best candidate the algorithm would return now, with the loss it believes in; null before the first tell. */
  best(): Evaluation | null;
  /** Candidates worth a score on all documents at the end, most promising first; the winner is one of them. */
  contenders(): readonly Candidate[];
  /** All of its state, for the journal's consistency check: equal states ask equal candidates. */
  state(): Json;
}

/** What a search space is made from. */
export interface SearchProblem {
  readonly rotaryPairs: number;
  readonly headDim: number;
  readonly rotaryDim: number;
  readonly theta: number;
  readonly originalLength: number;
  readonly targetLength: number;
  /** targetLength / originalLength, s in the papers; of a second interpolation target / length of the frozen set. */
  readonly ratio: number;
  /** sqrt(1 + ln s / ln L): what engines use when nothing is said. */
  readonly defaultAttentionFactor: number;
  /** Overrules 1.25 s as the largest factor; above 1. Readjusting short contexts needs it, as s is about 1 there. */
  readonly maxFactor?: number;
  /**
   * How much the loss at the original length may rise where that is limited, nats per token; the unscaled model (or `asItIs`), which surely keeps the
   * limit, is then a seed too.
   */
  readonly shortRise?: number;
  /** Of a model with a scaling of its own: it at its original length, which takes the place of the unscaled model in a limit. */
  readonly asItIs?: Candidate;
  /** Values of start tokens to choose from, the first one where a search begins; default: as the algorithm says. */
  readonly startTokens?: readonly number[];
  /** Seeds beside the closed forms, within 1 and the largest factor (`startCandidates`); their factors may decrease. */
  readonly starts?: readonly Candidate[];
}
