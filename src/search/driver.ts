import { UserError } from '../errors.js';
import { formatFactorCsv } from '../rope/index.js';
import { openRunDirectory, type RunDirectory, sha256Json, writeFileAtomic } from '../run/index.js';
import { Allowance, FINAL_CONTENDERS, GRADIENT_COST } from './allowance.js';
import type { Budget, Spending } from './budget.js';
import { candidateJson, candidateKey } from './candidate.js';
import {
  type DocumentLoss,
  type Objective,
  sumGradients,
  tokenWeightedGradient,
  tokenWeightedLoss,
} from './objective.js';
import { pullGradient, pullPenalty } from './pull.js';
import { type Phase, Recorder } from './recorder.js';
import { type GenerationSummary, resultJson, type Score, type SearchResult, score } from './result.js';
import type { Parts } from './second-interpolation.js';
import { baselineCandidates, type NamedCandidate } from './seeds.js';
import { Stopwatch } from './stopwatch.js';
import type { Candidate, Evaluation, Json, SearchAlgorithm, SearchProblem, StopReasons } from './types.js';

export interface SearchProgress {
  readonly phase: Phase;
  readonly generation: number;
  /** Of the running batch. */
  readonly done: number;
  readonly total: number;
  readonly spent: Readonly<Spending>;
  readonly budget: Budget;
  readonly best: Evaluation | null;
}

export interface SearchOptions {
  readonly problem: SearchProblem;
  readonly algorithm: SearchAlgorithm;
  /** The algorithm's seed, for the manifest. */
  readonly seed: number;
  readonly objective: Objective;
  /** Documents the search never sees: winner and baselines are scored on them, outside the budget. */
  readonly heldOut?: Objective;
  /** Default: no scaling, PI, NTK and YaRN with attention factor 1. */
  readonly baselines?: readonly NamedCandidate[];
  /** Weight of a pull towards factors of 1 (`pullPenalty`): added to what candidates are compared by, never to a loss that is shown. */
  readonly pull?: number;
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

/**
 * Runs a search, or the rest of one that was cut off at any point: asks, evaluates, tells, until the algorithm stops or the
 * budget ends; then scores the contenders on all search documents and the winner and the baselines on the held-out ones.
 * Writes `manifest.json`, `journal.jsonl`, `timings.jsonl`, `result.json` and `factors.csv` (docs/search.md).
 *
 * The result depends on the options only, not on workers, kills or resumes (with a budget in seconds: on where the clock
 * cut, which is journaled). Throws `UserError`: 'usage' for a budget too small, 'busy', 'input' and 'resource' as
 * `openRunDirectory`, 'interrupted' by `signal`.
 */
export async function runSearch(options: SearchOptions): Promise<SearchResult> {
  const { algorithm, objective, budget } = options;
  if (algorithm.comparesAcrossGenerations && algorithm.documentsPerGeneration !== 'all') {
    throw new Error(`${algorithm.name} compares generations that are scored on different documents`);
  }
  if (objective.documents.length === 0) throw new Error('a search needs at least one document');
  if (algorithm.wantsGradients !== undefined && !objective.gradients)
    throw new UserError('unsupported', {
      where: `the algorithm ${algorithm.name}`,
      expected: 'an objective that gives gradients',
      found: 'losses alone',
      fix: 'search with cma-es',
    });
  const directory = await openRunDirectory(options.runDirectory, manifest(options));
  try {
    const stopwatch = await Stopwatch.open(
      directory.file('timings.jsonl'),
      budget.unit === 'seconds' ? budget.amount : null,
    );
    return await new Driver(options, directory, stopwatch).run();
  } finally {
    await directory.close();
  }
}

function manifest(options: SearchOptions): Json {
  const { problem, algorithm, seed, objective, heldOut, pull, budget, inputs } = options;
  const { starts, ...space } = problem;
  const documents = (of: Objective) =>
    of.documents.map((name, i) => ({ name, scoredTokens: of.scoredTokens[i] as number }));
  return {
    format: 'longrope search 1',
    algorithm: algorithm.name,
    hyperparameters: algorithm.hyperparameters,
    seed,
    budget: { ...budget },
    problem: { ...space, ...(starts && { starts: starts.map(candidateJson) }) },
    ...(pull !== undefined && { pull }),
    documents: documents(objective),
    heldOut: heldOut === undefined ? null : documents(heldOut),
    inputs,
  };
}

class Driver {
  private readonly recorder: Recorder;
  private readonly allowance: Allowance;
  private readonly spent: Spending = { documents: 0, tokens: 0, seconds: 0 };
  /** Candidate -> its loss on each search document, where known: the final scores need only the rest. */
  private readonly known = new Map<string, (DocumentLoss | undefined)[]>();
  private readonly curve: Omit<GenerationSummary, 'comparableLoss'>[] = [];
  private generation = 0;

  constructor(
    private readonly options: SearchOptions,
    private readonly directory: RunDirectory,
    private readonly stopwatch: Stopwatch,
  ) {
    this.recorder = new Recorder(directory);
    this.allowance = new Allowance(options.budget, options.algorithm, options.objective);
  }

  async run(): Promise<SearchResult> {
    const stop = await this.search();
    const spentSearching = { documents: this.spent.documents, tokens: this.spent.tokens };
    await this.recorder.note({ type: 'stop', reasons: stop, spent: spentSearching });
    const contenders = await this.scoreContenders();
    const worth = (contender: Score) => contender.loss + this.penalty(contender.candidate);
    const winner = contenders.reduce((best, contender) => (worth(contender) < worth(best) ? contender : best));
    if (!Number.isFinite(winner.loss)) throw noFiniteLoss(this.directory.path);
    const { documents, tokens } = this.spent;
    const heldOut = await this.scoreHeldOut(winner.candidate);
    const { algorithm, seed, partsOf } = this.options;
    const curve = this.curve.map((point) => ({ ...point, comparableLoss: comparableLoss(point, winner) }));
    const result: SearchResult = {
      algorithm: algorithm.name,
      seed,
      stop,
      spent: { documents, tokens },
      winner: { ...winner, name: 'searched' },
      contenders,
      curve,
      heldOut,
      ...(partsOf && { parts: partsOf(winner.candidate) }),
    };
    const json = resultJson(result);
    await writeFileAtomic(this.directory.file('result.json'), `${JSON.stringify(json, null, 2)}\n`);
    await writeFileAtomic(this.directory.file('factors.csv'), formatFactorCsv(winner.candidate.factors));
    await this.recorder.note({ type: 'end', result: sha256Json(json) });
    return result;
  }

  private async search(): Promise<StopReasons> {
    const { algorithm, objective } = this.options;
    for (;;) {
      const reasons = algorithm.stop();
      if (Object.keys(reasons).length > 0) return reasons;
      const asked = algorithm.ask();
      if (asked.length === 0) continue;
      const documents = this.documentsOf(this.generation);
      const gradients = algorithm.wantsGradients?.() ?? false;
      const count = this.affordable(asked, documents, gradients);
      if (count === 0) return this.budgetReasons();
      const candidates = asked.slice(0, count);
      const requests = candidates.flatMap((_, c) => documents.map((document) => [c, document] as const));
      const losses = await this.evaluate('search', candidates, requests, objective, gradients);
      const told = candidates
        .slice(0, Math.floor(losses.length / documents.length))
        .map((candidate, c) =>
          this.evaluation(candidate, losses.slice(c * documents.length, (c + 1) * documents.length), gradients),
        );
      const cutShort = told.length < asked.length;
      if (told.length > 0 && (!cutShort || algorithm.comparesAcrossGenerations)) {
        algorithm.tell(told);
        await this.recorder.note({ type: 'told', generation: this.generation, state: sha256Json(algorithm.state()) });
        this.summarise(told, documents);
      }
      if (cutShort) return this.budgetReasons();
      this.generation++;
    }
  }

  private evaluation(candidate: Candidate, losses: readonly DocumentLoss[], gradients: boolean): Evaluation {
    const { pull } = this.options;
    const loss = tokenWeightedLoss(losses) + this.penalty(candidate);
    if (!gradients) return { candidate, loss };
    const gradient = tokenWeightedGradient(losses);
    if (gradient === null || pull === undefined) return { candidate, loss, gradient };
    const parts = [gradient, pullGradient(pull, candidate)].map((part) => ({ gradient: part, share: 1 }));
    return { candidate, loss, gradient: sumGradients(parts) };
  }

  private penalty(candidate: Candidate): number {
    const { pull } = this.options;
    return pull === undefined ? 0 : pullPenalty(pull, candidate);
  }

  private affordable(asked: readonly Candidate[], documents: readonly number[], gradients: boolean): number {
    const { budget } = this.options;
    if (this.recorder.journaledStop() !== null) return 0;
    if (budget.unit === 'seconds') return this.recorder.isReplaying || this.secondsLeft() > 0 ? asked.length : 0;
    const count = this.allowance.candidates(asked.length, documents, this.spent, gradients ? GRADIENT_COST : 1);
    if (count === 0 && this.generation === 0) throw this.allowance.tooSmall(asked.length, documents);
    return count;
  }

  private allDocuments(): number[] {
    return [...this.options.objective.documents.keys()];
  }

  private secondsLeft(): number {
    const { algorithm, objective } = this.options;
    const final = algorithm.comparesAcrossGenerations ? 0 : FINAL_CONTENDERS * objective.documents.length;
    return this.stopwatch.secondsLeft() - final * this.stopwatch.secondsPerDocument();
  }

  private budgetReasons(): StopReasons {
    const { budget } = this.options;
    return this.recorder.journaledStop() ?? { budget: `${budget.amount} ${budget.unit}` };
  }

  /** The documents of a generation: the next k in a ring, in ascending order. */
  private documentsOf(generation: number): readonly number[] {
    const { documentsPerGeneration } = this.options.algorithm;
    const all = this.allDocuments();
    if (documentsPerGeneration === 'all' || documentsPerGeneration >= all.length) return all;
    const first = generation * documentsPerGeneration;
    return Array.from({ length: documentsPerGeneration }, (_, i) => (first + i) % all.length).sort((a, b) => a - b);
  }

  private async scoreContenders(): Promise<Score[]> {
    const { algorithm, objective, budget } = this.options;
    const all = this.allDocuments();
    const candidates: Candidate[] = [];
    const requests: [number, number][] = [];
    for (const candidate of algorithm.contenders()) {
      const known = this.known.get(candidateKey(candidate));
      const missing = all.filter((document) => known?.[document] === undefined);
      const planned = [...requests.map(([, document]) => document), ...missing];
      const fits =
        budget.unit === 'seconds' ? candidates.length < FINAL_CONTENDERS : this.allowance.covers(planned, this.spent);
      // One is scored whatever it costs: a search must end with a winner.
      if (candidates.length > 0 && !fits) continue;
      requests.push(...missing.map((document): [number, number] => [candidates.length, document]));
      candidates.push(candidate);
    }
    if (candidates.length === 0) {
      const expected = 'enough for the first candidates of a search';
      throw new UserError('usage', { where: 'budget', expected, found: `${budget.amount} ${budget.unit}` });
    }
    await this.evaluate('final', candidates, requests, objective);
    return candidates.map((candidate, i) => {
      const losses = this.known.get(candidateKey(candidate)) as DocumentLoss[];
      return score(`contender ${i + 1}`, candidate, losses);
    });
  }

  private async scoreHeldOut(winner: Candidate): Promise<SearchResult['heldOut']> {
    const { heldOut, problem, baselines = baselineCandidates(problem) } = this.options;
    if (heldOut === undefined) return null;
    const named = [{ name: 'searched', candidate: winner }, ...baselines];
    const count = heldOut.documents.length;
    const requests = named.flatMap((_, c) => heldOut.documents.map((_, document) => [c, document] as const));
    const candidates = named.map(({ candidate }) => candidate);
    const losses = await this.evaluate('held-out', candidates, requests, heldOut);
    const scores = named.map(({ name, candidate }, c) =>
      score(name, candidate, losses.slice(c * count, (c + 1) * count)),
    );
    return { documents: heldOut.documents, scores };
  }

  /** Losses of a batch; of known pairs from memory, and short only where the clock ended the search. */
  private async evaluate(
    phase: Phase,
    candidates: readonly Candidate[],
    requests: readonly (readonly [number, number])[],
    objective: Objective,
    gradients = false,
  ): Promise<readonly DocumentLoss[]> {
    const { onProgress, signal, budget, algorithm } = this.options;
    const deadline = phase === 'search' ? this.stopwatch.deadline(() => this.secondsLeft()) : null;
    const signals = [signal, deadline?.signal].filter((s) => s !== undefined);
    let done = 0;
    let fresh = 0;
    const onResult = (index: number, loss: DocumentLoss) => {
      const [c, document] = requests[index] as readonly [number, number];
      done++;
      if (!this.recorder.isReplaying) fresh++;
      if (phase !== 'held-out') {
        const cost = gradients ? GRADIENT_COST : 1;
        this.spent.documents += cost;
        this.spent.tokens += cost * loss.tokens;
        // Other kernels gave it: equal but for the last bits, which would depend on who asked first.
        if (!gradients) this.remember(candidates[c] as Candidate, document, loss);
      }
      this.spent.seconds = this.stopwatch.seconds();
      const best = algorithm.best();
      onProgress?.({
        phase,
        generation: this.generation,
        done,
        total: requests.length,
        spent: { ...this.spent },
        budget,
        best: best && { ...best, loss: best.loss - this.penalty(best.candidate) },
      });
    };
    this.stopwatch.beginBatch();
    try {
      const batch = { phase, generation: this.generation, candidates, requests, gradients };
      const losses = await this.recorder.evaluate(batch, objective, { onResult, signal: AbortSignal.any(signals) });
      if (signal?.aborted === true) throw this.interrupted();
      return losses;
    } finally {
      deadline?.cancel();
      if (fresh > 0) await this.stopwatch.endBatch(phase, this.generation, fresh);
    }
  }

  private interrupted(): UserError {
    return new UserError('interrupted', {
      where: this.directory.path,
      expected: 'the search to run to its end',
      found: 'an interruption',
      fix: 'start the same command again to go on where it stopped',
    });
  }

  private remember(candidate: Candidate, document: number, loss: DocumentLoss): void {
    const key = candidateKey(candidate);
    const losses =
      this.known.get(key) ??
      new Array<DocumentLoss | undefined>(this.options.objective.documents.length).fill(undefined);
    losses[document] = loss;
    this.known.set(key, losses);
  }

  private summarise(told: readonly Evaluation[], documents: readonly number[]): void {
    const losses = told.map(({ loss }) => loss).sort((a, b) => a - b);
    this.curve.push({
      generation: this.generation,
      documents: this.spent.documents,
      tokens: this.spent.tokens,
      scoredOn: documents,
      bestLoss: losses[0] as number,
      medianLoss: losses[Math.floor((losses.length - 1) / 2)] as number,
    });
  }
}

function comparableLoss(
  { bestLoss, scoredOn }: Pick<GenerationSummary, 'bestLoss' | 'scoredOn'>,
  winner: Score,
): number {
  const there =
    scoredOn.reduce((sum, document) => sum + (winner.documentLosses[document] as number), 0) / scoredOn.length;
  return bestLoss - there + winner.loss;
}

function noFiniteLoss(where: string): UserError {
  return new UserError('input', {
    where,
    expected: 'a finite loss for at least one candidate',
    found: 'NaN or infinity for all that were compared',
    fix: 'check the weights of the model: evaluate it at its original length',
  });
}
