import { setMaxListeners } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { EngineConfig } from './decoder-engine.js';
import type { RopeLossGradient } from './gradient/index.js';
import type {
  ContinuationRequest,
  GenerateRequest,
  LogitsRequest,
  LossRequest,
  WeightedLossRequest,
} from './requests.js';

/** What a worker does: name of the request -> what is asked and answered. */
interface Operations {
  tokenLosses: [LossRequest, Float32Array];
  logits: [LogitsRequest, Float32Array];
  continuationLosses: [ContinuationRequest, Float32Array[]];
  generate: [GenerateRequest, Int32Array[]];
  ropeGradient: [WeightedLossRequest, RopeLossGradient];
}
type Operation = keyof Operations;
type Answer = Operations[Operation][1];

export type WorkerTask = {
  [Kind in Operation]: {
    readonly id: number;
    readonly kind: Kind;
    readonly request: Operations[Kind][0];
    /** Shared memory, as a message would not be heard before the task ends: 1 asks it to give up. */
    readonly aborted: Int32Array<SharedArrayBuffer>;
  };
}[Operation];

/** Ends the worker after the task it is at: a thread that is terminated inside ONNX Runtime takes the process with it. */
export const CLOSE = 'close';

export type WorkerReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'broken'; readonly error: unknown }
  | { readonly kind: 'done'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly id: number; readonly error: unknown };

/** A model ready to be evaluated, wherever it runs. */
export interface Engine {
  /** Evaluations that run at the same time. */
  readonly workers: number;
  /**
   * Negative log-likelihood in nats of tokens scoreFrom..T-1. An abort drops the request unless it already runs; the other
   * requests, which are many runs, end at the next of them.
   */
  tokenLosses(request: LossRequest, signal?: AbortSignal): Promise<Float32Array>;
  /** Next-token logits of the asked rows, row-major [rows, vocabulary]. */
  logits(request: LogitsRequest): Promise<Float32Array>;
  /** Losses in nats of the scored tokens of each sequence, in the order of the sequences. */
  continuationLosses(request: ContinuationRequest, signal?: AbortSignal): Promise<Float32Array[]>;
  /** Greedy continuation of each prompt: the new tokens, the stop token included. */
  generate(request: GenerateRequest, signal?: AbortSignal): Promise<Int32Array[]>;
  /**
   * The weighted sum of `tokenLosses` and its gradient, for a few evaluations' time. Throws `UserError('unsupported')` for models whose layers
   * `GradientEngine` does not hold. On the CPU whatever the device.
   */
  ropeGradient(request: WeightedLossRequest, signal?: AbortSignal): Promise<RopeLossGradient>;
  close(): Promise<void>;
}

interface Pending {
  readonly task: WorkerTask;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** A session blocks its thread, so each evaluation runs in a worker thread; tasks are served first come, first served. */
export async function openPool(config: EngineConfig, workers: number): Promise<Engine> {
  // Resolved through the package itself: tests run from the sources, worker threads always from the build.
  const script = createRequire(import.meta.url).resolve('longrope/worker');
  const queue: Pending[] = [];
  const running = new Map<Worker, Pending>();
  const idle: Worker[] = [];
  let closed = false;
  /** Why it cannot answer any more: a worker that has died may still stand among the idle ones. */
  let broken: unknown = null;
  let nextId = 0;

  const dispatch = () => {
    while (idle.length > 0 && queue.length > 0) {
      const pending = queue.shift() as Pending;
      if (pending.signal?.aborted) {
        pending.reject(pending.signal.reason);
        continue;
      }
      const worker = idle.pop() as Worker;
      running.set(worker, pending);
      worker.postMessage(pending.task);
    }
  };
  const fail = (error: unknown) => {
    for (const pending of [...running.values(), ...queue.splice(0)]) pending.reject(error);
    running.clear();
  };
  const threads: Worker[] = [];
  // Listened for from the beginning: one that has ended already ends no more.
  const exits: Promise<void>[] = [];
  const start = () =>
    new Promise<Worker>((resolve, reject) => {
      const worker = new Worker(script, { workerData: config });
      threads.push(worker);
      exits.push(new Promise((exited) => worker.once('exit', () => exited())));
      worker.on('message', (reply: WorkerReply) => {
        if (reply.kind === 'ready') return resolve(worker);
        if (reply.kind === 'broken') return reject(reply.error);
        const pending = running.get(worker);
        running.delete(worker);
        idle.push(worker);
        if (reply.kind === 'done') pending?.resolve(reply.answer);
        else pending?.reject(reply.error);
        dispatch();
      });
      const died = (error: unknown) => {
        broken ??= error;
        reject(error);
        fail(error);
      };
      worker.on('error', died);
      worker.on('exit', (code) => {
        if (!closed) died(new Error(`an evaluation worker ended unexpectedly with code ${code}`));
      });
    });
  const submit = <Kind extends Operation>(kind: Kind, request: Operations[Kind][0], signal?: AbortSignal) =>
    new Promise<Operations[Kind][1]>((resolve, reject) => {
      if (closed) return reject(new Error('the engine is closed'));
      if (broken !== null) return reject(broken);
      const aborted = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
      const onAbort = () => Atomics.store(aborted, 0, 1);
      if (signal?.aborted) onAbort();
      // Every request under way listens, which Node would take for a leak.
      if (signal) setMaxListeners(Number.POSITIVE_INFINITY, signal);
      signal?.addEventListener('abort', onAbort);
      const settle = () => signal?.removeEventListener('abort', onAbort);
      queue.push({
        task: { id: nextId++, kind, request, aborted } as WorkerTask,
        signal,
        resolve: (answer) => {
          settle();
          resolve(answer);
        },
        reject: (error) => {
          settle();
          reject(Atomics.load(aborted, 0) === 1 ? signal?.reason : error);
        },
      });
      dispatch();
    });

  try {
    // One after the other: loading twice at once doubles the peak memory of weight packing.
    for (let i = 0; i < workers; i++) idle.push(await start());
  } catch (error) {
    closed = true;
    await Promise.all(threads.map((worker) => worker.terminate()));
    throw error;
  }
  return {
    workers,
    tokenLosses: (request, signal) => submit('tokenLosses', request, signal),
    logits: (request) => submit('logits', request),
    continuationLosses: (request, signal) => submit('continuationLosses', request, signal),
    generate: (request, signal) => submit('generate', request, signal),
    ropeGradient: (request, signal) => submit('ropeGradient', request, signal),
    async close() {
      closed = true;
      fail(new Error('the engine was closed'));
      for (const worker of threads) worker.postMessage(CLOSE);
      await Promise.all(exits);
    },
  };
}
