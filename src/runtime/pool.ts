import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { EngineConfig } from './decoder-engine.js';
import type { ContinuationRequest, GenerateRequest, LogitsRequest, LossRequest, RopeStages } from './requests.js';

export type WorkerTask =
  | { readonly id: number; readonly kind: 'losses'; readonly request: LossRequest }
  | { readonly id: number; readonly kind: 'logits'; readonly request: LogitsRequest };

/** Ends the worker after the task it is at: a thread that is terminated inside ONNX Runtime takes the process with it. */
export const CLOSE = 'close';

export type WorkerReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'broken'; readonly error: unknown }
  | { readonly kind: 'done'; readonly id: number; readonly values: Float32Array }
  | { readonly kind: 'failed'; readonly id: number; readonly error: unknown };

/** A model ready to be evaluated, wherever it runs. */
export interface Engine {
  /** Evaluations that run at the same time. */
  readonly workers: number;
  /** Negative log-likelihood in nats of tokens scoreFrom..T-1. An abort drops the request unless it already runs. */
  tokenLosses(request: LossRequest, signal?: AbortSignal): Promise<Float32Array>;
  /** Next-token logits of the asked rows, row-major [rows, vocabulary]. */
  logits(request: LogitsRequest): Promise<Float32Array>;
  /** Losses in nats of the scored tokens of each sequence, in the order of the sequences. */
  continuationLosses(request: ContinuationRequest, signal?: AbortSignal): Promise<Float32Array[]>;
  /** Greedy continuation of each prompt: the new tokens, the stop token included. */
  generate(request: GenerateRequest, signal?: AbortSignal): Promise<Int32Array[]>;
  close(): Promise<void>;
}

interface Pending {
  readonly task: WorkerTask;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (values: Float32Array) => void;
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
  const start = () =>
    new Promise<Worker>((resolve, reject) => {
      const worker = new Worker(script, { workerData: config });
      worker.on('message', (reply: WorkerReply) => {
        if (reply.kind === 'ready') return resolve(worker);
        if (reply.kind === 'broken') return reject(reply.error);
        const pending = running.get(worker);
        running.delete(worker);
        idle.push(worker);
        if (reply.kind === 'done') pending?.resolve(reply.values);
        else pending?.reject(reply.error);
        dispatch();
      });
      worker.on('error', (error) => {
        reject(error);
        fail(error);
      });
      worker.on('exit', (code) => {
        if (closed) return;
        const error = new Error(`an evaluation worker ended unexpectedly with code ${code}`);
        reject(error);
        fail(error);
      });
    });
  const submit = (task: (id: number) => WorkerTask, signal?: AbortSignal) =>
    new Promise<Float32Array>((resolve, reject) => {
      if (closed) return reject(new Error('the engine is closed'));
      queue.push({ task: task(nextId++), signal, resolve, reject });
      dispatch();
    });

  const threads: Worker[] = [];
  // One after the other: loading twice at once doubles the peak memory of weight packing.
  for (let i = 0; i < workers; i++) threads.push(await start());
  idle.push(...threads);
  const tokenLosses = (request: LossRequest, signal?: AbortSignal) =>
    submit((id) => ({ id, kind: 'losses', request }), signal);
  const logits = (request: LogitsRequest) => submit((id) => ({ id, kind: 'logits', request }));
  return {
    workers,
    tokenLosses,
    logits,
    continuationLosses: ({ sequences, rope }, signal) =>
      Promise.all(sequences.map((sequence) => tokenLosses({ ...sequence, rope }, signal))),
    generate: ({ prompts, stages, maxNewTokens, stopIds }) =>
      Promise.all(
        prompts.map(async (prompt) => {
          let ids = prompt;
          while (ids.length < prompt.length + maxNewTokens) {
            const rope = stageFor(stages, ids.length + 1);
            const next = argmax(await logits({ ids, rope, rows: Int32Array.of(ids.length - 1) }));
            ids = Int32Array.of(...ids, next);
            if (stopIds.includes(next)) break;
          }
          return ids.subarray(prompt.length);
        }),
      ),
    async close() {
      closed = true;
      fail(new Error('the engine was closed'));
      const exits = threads.map((worker) => once(worker, 'exit'));
      for (const worker of threads) worker.postMessage(CLOSE);
      await Promise.all(exits);
    },
  };
}

function stageFor(stages: RopeStages, length: number) {
  const stage = stages.find(({ maxLength }) => length <= maxLength);
  if (stage === undefined) throw new Error(`no rotary table for ${length} tokens`);
  return stage.rope;
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
