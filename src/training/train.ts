import { setImmediate as nextTurn } from 'node:timers/promises';
import type { UserError } from '../errors.js';
import type { DecoderSpec } from '../model/types.js';
import type { RunDirectory } from '../run/index.js';
import type { GradientEngine } from '../runtime/index.js';
import type { Batches, NamedSequence } from './batches.js';
import {
  bytesOf,
  checkpointBytes,
  checkpointSteps,
  readCheckpoint,
  removeCheckpoint,
  type TrainerState,
  writeCheckpoint,
} from './checkpoint.js';
import { clip, GradientSum, globalNorm } from './gradient-sum.js';
import { type EvaluationEntry, TrainingLog } from './log.js';
import { documentsOf, notFinite } from './not-finite.js';
import type { WeightUpdater } from './optimizer.js';
import { checkRunRoom } from './room.js';
import { learningRateAt, type Schedule } from './schedule.js';

export interface TrainingOptions {
  readonly run: RunDirectory;
  /** sha256 of the manifest of the run. */
  readonly runHash: string;
  readonly spec: DecoderSpec;
  /** Text of the config.json of checkpoints. */
  readonly config: string;
  /** Changed in place; those of the last step at the end. */
  readonly weights: Map<string, Float32Array>;
  /** With respect to the weights. */
  readonly gradients: Pick<GradientEngine, 'lossAndGradient'>;
  readonly optimizer: WeightUpdater;
  readonly batches: Batches;
  readonly schedule: Schedule;
  /** Gradients are scaled down to this norm; null = never. */
  readonly maxGradNorm: number | null;
  /** In steps. */
  readonly loggingSteps: number;
  readonly saveSteps: number;
  /** Older checkpoints are removed. */
  readonly saveTotalLimit: number;
  /** Bytes of the model that is written from the last checkpoint into the same folder. */
  readonly resultBytes: number;
  /** Also before the first step and after the last; null = no held-out texts. */
  readonly validation: {
    readonly evalSteps: number;
    readonly lengths: readonly number[];
    readonly validate: (step: number) => Promise<readonly EvaluationEntry[]>;
  } | null;
  readonly onStep?: (progress: StepProgress) => void;
  readonly signal?: AbortSignal;
}

export interface StepProgress {
  readonly step: number;
  readonly loss: number;
}

/**
 * Trains from the newest checkpoint of the run to the last step, and leaves a checkpoint of it. A run that was killed at any
 * moment ends with the bits of an undisturbed one: data and random numbers follow from seed and step, everything else is in the
 * checkpoint. Throws `UserError('input')` where a loss or gradient is not finite, with the checkpoints before it in place;
 * an abort is heard between two batches, saves what is done and throws the signal's reason.
 */
export async function train(options: TrainingOptions): Promise<TrainingLog> {
  return new Trainer(options).train();
}

class Trainer {
  #state: TrainerState;
  #log: TrainingLog;

  constructor(private readonly options: TrainingOptions) {
    this.#state = { run: options.runHash, step: 0, tokens: 0, sinceLog: { loss: 0, tokens: 0 } };
    this.#log = new TrainingLog(options.run.journal, 0);
  }

  async train(): Promise<TrainingLog> {
    const { schedule, signal } = this.options;
    await this.#resume();
    try {
      await this.#validateIfDue();
      while (this.#state.step < schedule.maxSteps) {
        await this.#step();
        const { step } = this.#state;
        if (this.#isSaved(step)) await this.#save();
        await this.#validateIfDue();
      }
      await this.#checkLast();
    } catch (error) {
      // Weights change only at the end of a step, so they are those of `state`.
      if (signal?.aborted && error === signal.reason) await this.#save();
      throw error;
    }
    await this.#prune();
    return this.#log;
  }

  async #resume(): Promise<void> {
    const { run, runHash, weights, optimizer } = this.options;
    const newest = (await checkpointSteps(run.path)).at(-1);
    // Better now than after hours.
    if (newest === undefined) return this.#checkRoom();
    this.#state = await readCheckpoint(run.path, newest, { weights, optimizer: optimizer.state, run: runHash });
    this.#log = new TrainingLog(run.journal, newest);
  }

  #checkRoom(): Promise<void> {
    const { run, weights, optimizer, schedule, saveSteps, saveTotalLimit, resultBytes, validation } = this.options;
    return checkRunRoom(run.path, {
      checkpoint: checkpointBytes({ weights, optimizer: optimizer.state }),
      weights: bytesOf(weights),
      result: resultBytes,
      saves: Math.ceil(schedule.maxSteps / saveSteps),
      saveTotalLimit,
      validates: validation !== null,
    });
  }

  async #step(): Promise<void> {
    const { batches, optimizer, weights, schedule, maxGradNorm, loggingSteps, onStep } = this.options;
    const { step } = this.#state;
    const named = batches.step(step);
    const { loss, tokens, gradient: ofWeights } = await this.#gradient(named);
    const gradient = await optimizer.gradients(ofWeights);
    const norm = globalNorm(gradient);
    if (!Number.isFinite(norm)) throw await this.#diverged(named.flat(), `a gradient of norm ${norm}`);
    // The weights of the newest checkpoint have given a finite loss, so no older one is needed any more.
    await this.#prune();
    if (maxGradNorm !== null) clip(gradient, norm, maxGradNorm);
    const learningRate = learningRateAt(step, schedule);
    await optimizer.update(weights, gradient, { step, learningRate });
    const { sinceLog } = this.#state;
    const since = { loss: sinceLog.loss + loss * tokens, tokens: sinceLog.tokens + tokens };
    const done = step + 1;
    const isLogged = done % loggingSteps === 0 || done === schedule.maxSteps;
    this.#state = {
      ...this.#state,
      step: done,
      tokens: this.#state.tokens + named.flat().reduce((sum, { ids }) => sum + ids.length, 0),
      sinceLog: isLogged ? { loss: 0, tokens: 0 } : since,
    };
    if (isLogged)
      await this.#log.add({
        step: done,
        loss: since.loss / since.tokens,
        grad_norm: norm,
        learning_rate: learningRate,
        num_input_tokens_seen: this.#state.tokens,
      });
    onStep?.({ step: done, loss });
  }

  /** Loss and gradient of the mean over all scored tokens of a step. */
  async #gradient(batches: readonly (readonly NamedSequence[])[]) {
    const { signal } = this.options;
    const tokens = batches.reduce((sum, batch) => sum + scoredTokens(batch), 0);
    const sum = new GradientSum();
    let loss = 0;
    for (const batch of batches) {
      // A run blocks the thread: signals are heard here.
      await nextTurn();
      signal?.throwIfAborted();
      const result = await this.#finite(batch);
      const share = scoredTokens(batch) / tokens;
      loss += share * result.loss;
      sum.add(result.weights, share);
    }
    return { loss, tokens, gradient: sum.tensors };
  }

  async #finite(batch: readonly NamedSequence[]) {
    const { gradients, weights } = this.options;
    const result = await gradients.lossAndGradient(batch, weights);
    const wrong = batch.filter((_, i) => !Number.isFinite(result.sequences[i]?.loss));
    if (wrong.length > 0 || !Number.isFinite(result.loss))
      throw await this.#diverged(wrong, `a loss of ${result.loss}`);
    return result;
  }

  /** Of the last weights no step computes a loss, and there may be no held-out texts: that they are finite is not enough. */
  async #checkLast(): Promise<void> {
    const { batches, validation, signal } = this.options;
    if (validation !== null) return;
    const [batch] = batches.step(this.#state.step) as [NamedSequence[]];
    await nextTurn();
    signal?.throwIfAborted();
    const norm = globalNorm((await this.#finite(batch)).weights);
    if (!Number.isFinite(norm)) throw await this.#diverged(batch, `a gradient of norm ${norm}`);
  }

  #diverged(sequences: readonly NamedSequence[], found: string): Promise<UserError> {
    const { step } = this.#state;
    const at = step < this.options.schedule.maxSteps ? `step ${step + 1}` : `after step ${step}`;
    return notFinite(this.options.run, step, `${at}, ${documentsOf(sequences)}`, found);
  }

  async #save(): Promise<void> {
    const { run, spec, weights, optimizer, config } = this.options;
    const { step } = this.#state;
    if (step === 0 || (await checkpointSteps(run.path)).includes(step)) return;
    for (const [name, tensor] of weights)
      if (!tensor.every(Number.isFinite))
        throw await notFinite(run, step, `after step ${step}`, `${name} with NaN or infinity`);
    await writeCheckpoint(run.path, { spec, weights, optimizer: optimizer.state, state: this.#state, config });
  }

  async #prune(): Promise<void> {
    const { run, saveTotalLimit } = this.options;
    const steps = await checkpointSteps(run.path);
    // What an interruption saved is needed until there is a newer one, and would not be there in an undisturbed run.
    const kept = steps.filter((step, i) => i === steps.length - 1 || this.#isSaved(step)).slice(-saveTotalLimit);
    for (const step of steps) if (!kept.includes(step)) await removeCheckpoint(run.path, step);
  }

  #isSaved(step: number): boolean {
    const { saveSteps, schedule } = this.options;
    return step % saveSteps === 0 || step === schedule.maxSteps;
  }

  async #validateIfDue(): Promise<void> {
    const { validation, schedule } = this.options;
    const { step } = this.#state;
    if (validation === null) return;
    if (step % validation.evalSteps !== 0 && step !== schedule.maxSteps) return;
    if (this.#log.passEvaluations(step, validation.lengths.length)) return;
    const entries = await validation.validate(step);
    const wrong = entries.find((entry) => !Number.isFinite(entry.eval_perplexity));
    if (wrong !== undefined)
      throw await notFinite(
        this.options.run,
        step,
        `validation after ${step} steps, at ${wrong.eval_length} tokens`,
        `a loss of ${wrong.eval_loss}`,
      );
    for (const entry of entries) await this.#log.add(entry);
  }
}

function scoredTokens(batch: readonly NamedSequence[]): number {
  return batch.reduce((sum, { ids, scoreFrom }) => sum + ids.length - scoreFrom, 0);
}
