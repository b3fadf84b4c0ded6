import { UserError } from '../errors.js';
import type { RunDirectory } from '../run/index.js';
import { Allowance, FINAL_CONTENDERS, GRADIENT_COST } from './allowance.js';
import type { Spending } from './budget.js';
import { candidateKey } from './candidate.js';
import { breaksLimit } from './compared-loss.js';
import type { DocumentLoss, Objective } from './objective.js';
import type { SearchOptions } from './options.js';
import { pullPenalty } from './pull.js';
import { type Batch, Recorder } from './recorder.js';
import { baselineCandidates } from './seeding/seeds.js';
import type { Stopwatch } from './stopwatch.js';
import type { Candidate, StopReasons } from './types.js';

interface Known {
  readonly candidate: Candidate;
  readonly losses: readonly (DocumentLoss | undefined)[];
}

/**
 * Gets losses from the journal or the objective, remembers them and counts what they cost against the budget. What it gives
 * depends on the options only (and on where the clock cut).
 */
export class Evaluator {
  readonly recorder: Recorder;
  readonly spent: Spending = { documents: 0, tokens: 0, seconds: 0 };
  /** The clock ended the search within a batch. */
  isCut = false;
  private readonly allowance: Allowance;
  /** Candidate -> its loss on each search document, where known: the final scores need only the rest. */
  private readonly known = new Map<string, Known>();
  private extraDone = 0;
  private readonly extraTotal: number;

  constructor(
    private readonly options: SearchOptions,
    private readonly directory: RunDirectory,
    private readonly stopwatch: Stopwatch,
  ) {
    this.recorder = new Recorder(directory);
    this.allowance = new Allowance(options.budget, options.algorithm, options.objective);
    const { problem, objective, heldOut, baselines = baselineCandidates(problem), scoreBaselines = false } = options;
    const ofBaselines = scoreBaselines ? baselines.length * objective.documents.length : 0;
    this.extraTotal = ofBaselines + (1 + baselines.length) * (heldOut?.documents.length ?? 0);
  }

  /** Losses of a batch in the order of its requests; short only where the clock ended the search. */
  async evaluate(batch: Batch, objective: Objective): Promise<readonly DocumentLoss[]> {
    const { signal } = this.options;
    const { phase, candidates, requests } = batch;
    const deadline = phase === 'search' ? this.stopwatch.deadline(() => this.secondsLeft()) : null;
    const signals = [signal, deadline?.signal].filter((s) => s !== undefined);
    // What the search knows of baselines is not asked for, nor what equals another.
    if (isExtra(phase)) this.extraDone += candidates.length * objective.documents.length - requests.length;
    let done = 0;
    // The clock may cut before what is on its way can be journaled: only the row that comes back counts, all else is for showing.
    const shown: Spending = { ...this.spent };
    const onResult = (_: number, loss: DocumentLoss) => {
      done++;
      if (!this.recorder.isReplaying) this.stopwatch.count();
      if (isExtra(phase)) this.extraDone++;
      else pay(shown, batch, loss);
      shown.seconds = this.stopwatch.seconds();
      this.report(batch, done, shown);
    };
    this.stopwatch.beginBatch(batch);
    try {
      const losses = await this.recorder.evaluate(batch, objective, { onResult, signal: AbortSignal.any(signals) });
      if (signal?.aborted === true) throw this.interrupted();
      this.isCut = losses.length < requests.length;
      if (!isExtra(phase)) this.take(batch, losses);
      return losses;
    } finally {
      deadline?.cancel();
      await this.stopwatch.endBatch();
    }
  }

  /** The losses of a candidate on the search documents, where known. */
  lossesOf(candidate: Candidate): readonly (DocumentLoss | undefined)[] {
    return this.known.get(candidateKey(candidate))?.losses ?? this.options.objective.documents.map(() => undefined);
  }

  /** Every candidate whose losses on all search documents are known. */
  scored(): readonly Candidate[] {
    return [...this.known.values()].flatMap(({ candidate, losses }) => (losses.includes(undefined) ? [] : [candidate]));
  }

  /**
   * How many of `asked` candidates can be scored on these documents, with what the end of the search needs left over. Throws
   * `UserError('usage')` where not even the first of a search can.
   */
  affordable(asked: readonly Candidate[], documents: readonly number[], gradients: boolean): number {
    const count = this.payable(asked, documents, gradients);
    const isTimed = this.options.budget.unit === 'seconds';
    if (count === 0 && this.spent.documents === 0 && !isTimed) throw this.allowance.tooSmall(asked.length, documents);
    return count;
  }

  /** Whether all of `asked` can be scored on these documents. */
  fits(asked: readonly Candidate[], documents: readonly number[]): boolean {
    return this.payable(asked, documents, false) === asked.length;
  }

  private payable(asked: readonly Candidate[], documents: readonly number[], gradients: boolean): number {
    if (this.recorder.journaledStop() !== null) return 0;
    if (this.options.budget.unit === 'seconds')
      return this.recorder.isReplaying || this.secondsLeft() > 0 ? asked.length : 0;
    return this.allowance.candidates(asked.length, documents, this.spent, gradients ? GRADIENT_COST : 1);
  }

  /** Whether `planned` evaluations at the end fit; so many contenders of them were found to fit before. */
  coversFinal(planned: readonly number[], contenders: number): boolean {
    if (this.options.budget.unit === 'seconds') return contenders < FINAL_CONTENDERS;
    return this.allowance.covers(planned, this.spent);
  }

  /** Why the search ends where nothing more is affordable. */
  budgetReasons(): StopReasons {
    const { budget } = this.options;
    return this.recorder.journaledStop() ?? { budget: `${budget.amount} ${budget.unit}` };
  }

  private secondsLeft(): number {
    const { algorithm, objective } = this.options;
    const final = algorithm.comparesAcrossGenerations ? 0 : FINAL_CONTENDERS * objective.documents.length;
    return this.stopwatch.secondsLeft() - final * this.stopwatch.secondsPerEvaluation();
  }

  private report({ phase, generation, requests }: Batch, done: number, spent: Spending): void {
    const { onProgress, budget, algorithm, pull = 0 } = this.options;
    const best = algorithm.best();
    onProgress?.({
      phase,
      generation,
      done,
      total: requests.length,
      spent: { ...spent },
      budget,
      extra: { done: this.extraDone, total: this.extraTotal },
      best: best && !breaksLimit(best.loss) ? { ...best, loss: best.loss - pullPenalty(pull, best.candidate) } : null,
    });
  }

  private interrupted(): UserError {
    return new UserError('interrupted', {
      where: this.directory.path,
      expected: 'the search to run to its end',
      found: 'an interruption',
      fix: 'start the same command again to go on where it stopped',
    });
  }

  private take(batch: Batch, losses: readonly DocumentLoss[]): void {
    for (const [index, loss] of losses.entries()) {
      const [c, document] = batch.requests[index] as readonly [number, number];
      pay(this.spent, batch, loss);
      // Other kernels gave it: equal but for the last bits, which would depend on who asked first.
      if (!batch.gradients) this.remember(batch.candidates[c] as Candidate, document, loss);
    }
    this.spent.seconds = this.stopwatch.seconds();
  }

  private remember(candidate: Candidate, document: number, loss: DocumentLoss): void {
    const losses = [...this.lossesOf(candidate)];
    losses[document] = loss;
    this.known.set(candidateKey(candidate), { candidate, losses });
  }
}

function pay(spent: Spending, { gradients }: Batch, { tokens }: DocumentLoss): void {
  const cost = gradients ? GRADIENT_COST : 1;
  spent.documents += cost;
  spent.tokens += cost * tokens;
}

/** What no budget pays for, and no candidate of the search is. */
function isExtra(phase: Batch['phase']): boolean {
  return phase === 'baselines' || phase === 'held-out';
}
