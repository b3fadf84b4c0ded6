import type { Objective } from '../objective.js';

/** An objective that is computed elsewhere, with all that a search has to know of it. */
export interface OutsideObjective {
  /** What is scored, for the report. */
  readonly name: string;
  /** Changes when the losses would: for example hashes of weights and texts. A run is resumed only with an equal one. */
  readonly fingerprint?: string;
  readonly objective: Objective;
  /** Documents that the search never sees: winner and closed forms are compared on them. */
  readonly heldOut?: Objective;
  /** Ends what was started for it. */
  close?(): Promise<void>;
}
