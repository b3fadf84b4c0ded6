import { UserError } from '../errors.js';
import { canonicalJson, type Journal, type Json } from '../run/index.js';

/** A line of the log, named as HF Trainer names its `log_history`. Losses are means over scored tokens in nats. */
export interface TrainingEntry {
  /** Steps done. */
  readonly step: number;
  /** Over the scored tokens of all steps since the line before. */
  readonly loss: number;
  /** Of this step, before clipping. */
  readonly grad_norm: number;
  readonly learning_rate: number;
  readonly num_input_tokens_seen: number;
}

export interface EvaluationEntry {
  readonly step: number;
  readonly eval_length: number;
  readonly eval_loss: number;
  readonly eval_perplexity: number;
  readonly eval_tokens: number;
}

export type LogEntry = TrainingEntry | EvaluationEntry;

export function isEvaluation(entry: LogEntry): entry is EvaluationEntry {
  return 'eval_loss' in entry;
}

/**
 * The log of a run in its journal. A run that goes on from a checkpoint comes by lines that are written already: they are
 * compared and not written again, so the log of a run that was cut off is that of an undisturbed one.
 */
export class TrainingLog {
  readonly #written: LogEntry[];
  #next: number;

  /** `done`: steps of the checkpoint that the run goes on from; what was evaluated behind it may be missing. */
  constructor(
    private readonly journal: Journal,
    done: number,
  ) {
    this.#written = [...(journal.entries as unknown as readonly LogEntry[])];
    const after = this.#written.findIndex((entry) => entry.step > done || (entry.step === done && isEvaluation(entry)));
    this.#next = after < 0 ? this.#written.length : after;
  }

  /** All lines so far. */
  get entries(): readonly LogEntry[] {
    return this.#written;
  }

  /** Goes past the evaluations of a step if all of them are written already. */
  passEvaluations(step: number, count: number): boolean {
    const next = this.#written.slice(this.#next, this.#next + count);
    if (next.length < count || !next.every((entry) => entry.step === step && isEvaluation(entry))) return false;
    this.#next += count;
    return true;
  }

  async add(entry: LogEntry): Promise<void> {
    const written = this.#written[this.#next];
    const now = canonicalJson(entry as unknown as Json);
    this.#next++;
    if (written === undefined) {
      await this.journal.append([entry as unknown as Json]);
      // In the order of keys that a run which reads it back will see.
      this.#written.push(JSON.parse(now) as LogEntry);
      return;
    }
    const before = canonicalJson(written as unknown as Json);
    if (before === now) return;
    throw new UserError('input', {
      where: `${this.journal.path}, line ${this.#next}`,
      expected: before,
      found: `${now} when step ${entry.step} was computed again`,
      fix: 'resume on the machine the run was begun on, or begin it again in another folder',
    });
  }
}
