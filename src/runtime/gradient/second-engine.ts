import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { GradientConfig, LossGradient } from './gradient-engine.js';
import type { GradientSequence } from './sequence-rows.js';
import type { Weights } from './step.js';

export type SecondTask =
  | { readonly kind: 'gradient'; readonly sequences: readonly GradientSequence[]; readonly weights: Weights }
  | { readonly kind: 'free' }
  | { readonly kind: 'close' };

export type SecondAnswer =
  | { readonly kind: 'done'; readonly result: LossGradient; readonly weights: Weights }
  | { readonly kind: 'failed'; readonly error: unknown };

interface Waiting {
  readonly resolve: (result: LossGradient) => void;
  readonly reject: (error: unknown) => void;
}

/** A `GradientEngine` in a thread of its own, for one gradient at a time. It has its own copy of the weights: ONNX Runtime takes no shared memory. */
export class SecondEngine {
  /** Memory of the copies, which goes there and back with every gradient. */
  #copies: Weights = new Map();
  #waiting: Waiting | null = null;
  #failure: Error | null = null;
  readonly #exit: Promise<void>;

  private constructor(private readonly worker: Worker) {
    this.#exit = new Promise((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (answer: SecondAnswer) => this.#settle(answer));
    worker.on('error', (error: Error) => this.#fail(error));
    worker.on('exit', (code) => this.#fail(new Error(`a gradient worker ended unexpectedly with code ${code}`)));
  }

  static open(config: GradientConfig): SecondEngine {
    // As in `openPool`: tests run from the sources, worker threads always from the build.
    const script = createRequire(import.meta.url).resolve('longrope/gradient-worker');
    return new SecondEngine(new Worker(script, { workerData: config }));
  }

  /** The weights are copied before it returns. */
  lossAndGradient(sequences: readonly GradientSequence[], weights: Weights): Promise<LossGradient> {
    if (this.#waiting !== null) throw new Error('one gradient at a time');
    const copies = [...weights].map(([name, tensor]) => {
      const copy = this.#copies.get(name) ?? new Float32Array(tensor.length);
      copy.set(tensor);
      return [name, copy] as const;
    });
    this.#copies = new Map();
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure);
      this.#waiting = { resolve, reject };
      this.#post(
        { kind: 'gradient', sequences, weights: new Map(copies) },
        copies.map(([, copy]) => copy.buffer),
      );
    });
  }

  /** Gives back what only a gradient needs. */
  free(): void {
    this.#post({ kind: 'free' });
  }

  /** After the gradient it is at: a thread that is terminated inside ONNX Runtime takes the process with it. */
  async close(): Promise<void> {
    this.#post({ kind: 'close' });
    await this.#exit;
  }

  #post(task: SecondTask, transfer: ArrayBufferLike[] = []): void {
    this.worker.postMessage(task, transfer as ArrayBuffer[]);
  }

  #settle(answer: SecondAnswer): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (answer.kind === 'failed') {
      waiting?.reject(answer.error);
      return;
    }
    this.#copies = answer.weights;
    waiting?.resolve(answer.result);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    this.#waiting = null;
  }
}
