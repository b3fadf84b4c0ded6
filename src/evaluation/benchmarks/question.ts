/** A multiple-choice question as a task puts it to a model; texts are exactly those of lm-evaluation-harness. */
export interface Question {
  /** Identity within its file. */
  readonly id: string;
  /** Ends where the answer begins, without the space between. */
  readonly prompt: string;
  readonly choices: readonly string[];
  /** Which choices are right: one, except in `truthfulqa_mc2`. */
  readonly right: readonly boolean[];
}

export function goldOf({ right }: Question): number {
  return right.indexOf(true);
}

/**
 * How the examples before a question are found, by the rules of lm-evaluation-harness:
 * - `first`: the first n of the pool, for every question.
 * - `random`: drawn from the pool, the generator going on from question to question.
 * - `random-one-spare`: one more is drawn than needed and left over; the harness does so when it takes the pool for the
 *   questions themselves, which is also the case of HellaSwag, whose configuration names no test split.
 */
export type ShotRule = 'first' | 'random' | 'random-one-spare';

/** How the scores of a question follow from the log-likelihoods of its choices. */
export type Scoring = 'accuracy' | 'probability-mass';

export interface BenchmarkTask {
  /** As lm-evaluation-harness calls it. */
  readonly name: string;
  /** `mmlu` for its subjects, else the name. */
  readonly group: string;
  /** Of the prompt's wording and rules. */
  readonly version: string;
  /** Before everything else in the prompt. */
  readonly description: string;
  readonly questions: readonly Question[];
  /** Where examples come from. */
  readonly pool: readonly Question[];
  readonly shots: number;
  readonly shotRule: ShotRule;
  readonly scoring: Scoring;
  readonly metrics: readonly Metric[];
  /** The metric leaderboards quote. */
  readonly headline: Metric;
}

/** `acc_norm` divides by characters, `acc_bytes` by UTF-8 bytes of the choice. */
export type Metric = 'acc' | 'acc_norm' | 'acc_bytes';
