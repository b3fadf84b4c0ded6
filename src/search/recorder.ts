import { UserError } from '../errors.js';
import { canonicalJson, type RunDirectory } from '../run/index.js';
import { candidateJson } from './candidate.js';
import { lossEntry, parseLossEntry, soundLoss } from './loss-entry.js';
import type { DocumentLoss, EvaluateOptions, LossRequest, Objective } from './objective.js';
import type { Candidate, Json, StopReasons } from './types.js';

export type Phase = 'search' | 'final' | 'baselines' | 'held-out';

export interface Batch {
  readonly phase: Phase;
  readonly generation: number;
  readonly candidates: readonly Candidate[];
  /** [candidate, document] indices. */
  readonly requests: readonly (readonly [number, number])[];
  readonly gradients: boolean;
}

/**
 * Makes a search resumable: what it does is written to the journal in the order of its doing, and what the journal holds
 * from an earlier session is compared instead of written, with losses taken from it instead of from the model. So the
 * journal of a resumed run has the bytes of an undisturbed one, or the run is refused.
 */
export class Recorder {
  private readonly journaled: readonly Json[];
  private position = 0;

  constructor(private readonly directory: RunDirectory) {
    this.journaled = directory.journal.entries;
  }

  /** True while the journal holds more, also within `onResult` of a loss that comes from it. */
  get isReplaying(): boolean {
    return this.position < this.journaled.length;
  }

  /** The reasons for which an earlier session stopped at this very point. */
  journaledStop(): StopReasons | null {
    const next = this.journaled[this.position];
    return hasType(next, 'stop') ? (next['reasons'] as StopReasons) : null;
  }

  /** Records something that follows from the run so far. */
  async note(entry: { readonly type: string; readonly [key: string]: Json }): Promise<void> {
    const next = this.journaled[this.position];
    if (next === undefined) return this.directory.journal.append([entry]);
    if (canonicalJson(next) !== canonicalJson(entry)) throw this.diverged(entry);
    this.position++;
  }

  /**
   * The losses of a batch in request order. Each is journaled as soon as all before it are known. The row is short when
   * `options.signal` aborts, or when that is where an earlier session stopped.
   */
  async evaluate(batch: Batch, objective: Objective, options: EvaluateOptions = {}): Promise<readonly DocumentLoss[]> {
    const { phase, generation, candidates, requests, gradients } = batch;
    const candidateRows = candidates.map(candidateJson);
    await this.note({
      type: 'batch',
      phase,
      generation,
      candidates: candidateRows,
      requests,
      ...(gradients && { gradients }),
    });
    const known: DocumentLoss[] = [];
    for (let next = this.nextLoss(known.length); next !== null; next = this.nextLoss(known.length)) {
      known.push(next);
      options.onResult?.(known.length - 1, next);
      this.position++;
    }
    if (known.length === requests.length || this.journaledStop() !== null) return known;
    if (this.isReplaying) throw this.diverged({ type: 'loss', request: known.length });
    return this.evaluateRest(batch, known, objective, options);
  }

  private async evaluateRest(
    batch: Batch,
    known: readonly DocumentLoss[],
    objective: Objective,
    options: EvaluateOptions,
  ) {
    const rest: LossRequest[] = batch.requests.slice(known.length).map(([candidate, document]) => ({
      candidate: batch.candidates[candidate] as Candidate,
      document,
      ...(batch.gradients && { gradient: true }),
    }));
    const writer = new OrderedWriter(this.directory, known.length, rest.length);
    const failed = new AbortController();
    writer.onFailure = () => failed.abort();
    const signals = options.signal === undefined ? [failed.signal] : [failed.signal, options.signal];
    let isOver = false;
    const accept = (index: number, loss: DocumentLoss) => {
      // What was running when the rest was given up comes late: the journal has gone on.
      if (isOver) return;
      const { document } = rest[index] as LossRequest;
      if (loss.tokens !== objective.scoredTokens[document]) {
        throw new Error(
          `${loss.tokens} tokens scored of ${objective.documents[document]}, not ${objective.scoredTokens[document]}`,
        );
      }
      const sound = soundLoss(loss);
      if (writer.put(index, sound)) options.onResult?.(known.length + index, sound);
    };
    try {
      const losses = await objective.evaluate(rest, { signal: AbortSignal.any(signals), onResult: accept });
      if (losses.length !== rest.length) throw new Error(`${losses.length} losses for ${rest.length} requests`);
      for (const [index, loss] of losses.entries()) accept(index, loss);
    } catch (error) {
      isOver = true;
      await writer.finish();
      if (options.signal?.aborted !== true) throw error;
    }
    return [...known, ...(await writer.finish())];
  }

  private nextLoss(request: number): DocumentLoss | null {
    const next = this.journaled[this.position];
    if (!hasType(next, 'loss') || next['request'] !== request) return null;
    return parseLossEntry(next);
  }

  private diverged(entry: Json): UserError {
    const found = this.journaled[this.position];
    return new UserError('input', {
      where: `${this.directory.journal.path}, line ${this.position + 1}`,
      expected: `what this program does at this point (${shorten(canonicalJson(entry))})`,
      found: found === undefined ? 'the end of the file' : shorten(canonicalJson(found)),
      fix: 'the run was made by another version or on another kind of machine: resume it there, or start in a new folder',
    });
  }
}

/** Appends losses to the journal in request order, several at once when they come faster than the disk takes them. */
class OrderedWriter {
  onFailure: () => void = () => undefined;
  private readonly losses: (DocumentLoss | undefined)[];
  private written = 0;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly directory: RunDirectory,
    private readonly firstRequest: number,
    count: number,
  ) {
    this.losses = new Array<DocumentLoss | undefined>(count).fill(undefined);
  }

  /** False if it was known. */
  put(index: number, loss: DocumentLoss): boolean {
    const known = this.losses[index];
    if (known !== undefined) {
      if (known.lossSum !== loss.lossSum) throw new Error(`two losses for request ${this.firstRequest + index}`);
      return false;
    }
    this.losses[index] = loss;
    this.writing = this.writing.then(() => this.writeReady());
    // Noticed again by finish; here it only keeps the process from ending on an unhandled rejection.
    this.writing.catch(() => this.onFailure());
    return true;
  }

  /** The losses of the longest known row of first requests, all of them on the disk. */
  async finish(): Promise<readonly DocumentLoss[]> {
    await this.writing;
    return this.losses.slice(0, this.written) as DocumentLoss[];
  }

  private async writeReady(): Promise<void> {
    const entries: Json[] = [];
    let loss = this.losses[this.written];
    while (loss !== undefined) {
      entries.push(lossEntry(this.firstRequest + this.written, loss));
      loss = this.losses[++this.written];
    }
    await this.directory.journal.append(entries);
  }
}

function hasType(entry: Json | undefined, type: string): entry is { readonly [key: string]: Json } {
  return (
    typeof entry === 'object' && entry !== null && !Array.isArray(entry) && (entry as { type?: Json }).type === type
  );
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}
