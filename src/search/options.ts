import type { Budget, Spending } from './budget.js';
import type { Objective } from './objective.js';
import type { Racing } from './racing-options.js';
import type { Phase } from './recorder.js';
import type { Parts } from './second-interpolation.js';
import type { NamedCandidate } from './seeding/seeds.js';
import type { Candidate, Evaluation, Json, SearchAlgorithm, SearchProblem } from './types.js';

export interface SearchProgress {
  readonly phase: Phase;
  readonly generation: number;
  /** Of the running batch. */
  readonly done: number;
  readonly total: number;
  readonly spent: Readonly<Spending>;
  readonly budget: Budget;
  readonly best: Evaluation | null;
  /** Evaluations outside the budget, of baselines and on held-out documents: how many there are, and will be at most. */
  readonly extra: { readonly done: number; readonly total: number };
}

export interface SearchOptions {
  readonly problem: SearchProblem;
  readonly algorithm: SearchAlgorithm;
  /** The algorithm's seed, for the manifest. */
  readonly seed: number;
  readonly objective: Objective;
  /** Documents the search never sees: winner and baselines are scored on them, outside the budget. */
  readonly heldOut?: Objective;
  /** Default: the closed forms, with attention factor 1. */
  readonly baselines?: readonly NamedCandidate[];
  /** Score the baselines on the search documents too, outside the budget; default false. */
  readonly scoreBaselines?: boolean;
  /** Weight of a pull towards factors of 1 (`pullPenalty`): added to what candidates are compared by, never to a loss that is shown. */
  readonly pull?: number;
  /** Drops candidates that fall behind before they are scored on all documents; what is left out has its default, `{}` is all of them. */
  readonly racing?: Partial<Racing>;
  /** The two parts of a winner that is a product (`SecondInterpolation`). */
  readonly partsOf?: (winner: Candidate) => Parts;
  readonly budget: Budget;
  /** Path of the run folder; created, or resumed if it was begun with the same options. */
  readonly runDirectory: string;
  /** Hashes and names of everything else the losses depend on: weights, tokenizer, texts, engine, program version. */
  readonly inputs: { readonly [name: string]: Json };
  readonly onProgress?: (progress: SearchProgress) => void;
  /** Ends the search with `UserError('interrupted')`, to be resumed by the same call. */
  readonly signal?: AbortSignal;
}
