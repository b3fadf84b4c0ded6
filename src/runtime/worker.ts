import { parentPort, workerData } from 'node:worker_threads';
import { DecoderEngine, type EngineConfig } from './decoder-engine.js';
import { RopeGradientEngine } from './gradient/index.js';
import { CLOSE, type WorkerReply, type WorkerTask } from './pool.js';

/** Body of a worker thread: one engine, one task at a time. */
if (parentPort === null) throw new Error('worker.js runs only inside a worker thread');
const port = parentPort;
const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

try {
  let aborted: Int32Array | undefined;
  const checkpoint = () => {
    if (aborted !== undefined && Atomics.load(aborted, 0) === 1) throw new Error('aborted');
  };
  const engine = await DecoderEngine.create(workerData as EngineConfig, checkpoint);
  let gradients: RopeGradientEngine | undefined;
  let running: Promise<void> = Promise.resolve();
  port.on('message', (message: WorkerTask | typeof CLOSE) => {
    running = running.then(() => (message === CLOSE ? close() : run(message)));
  });
  const close = async () => {
    await engine.close();
    await gradients?.close();
    port.close();
  };
  const answer = async (task: WorkerTask) => {
    switch (task.kind) {
      case 'tokenLosses':
        return engine.tokenLosses(task.request);
      case 'logits':
        return engine.logits(task.request);
      case 'continuationLosses':
        return engine.continuationLosses(task.request);
      case 'generate':
        return engine.generate(task.request);
      case 'ropeGradient':
        gradients ??= await RopeGradientEngine.create(workerData as EngineConfig);
        return gradients.lossGradient(task.request);
    }
  };
  const run = async (task: WorkerTask) => {
    aborted = task.aborted;
    try {
      const result = await answer(task);
      reply({ kind: 'done', id: task.id, answer: result }, buffersOf(result));
    } catch (error) {
      reply({ kind: 'failed', id: task.id, error });
    }
  };
  reply({ kind: 'ready' });
} catch (error) {
  reply({ kind: 'broken', error });
}

/** Memory that moves to the other thread instead of being copied. */
function buffersOf(answer: unknown): ArrayBuffer[] {
  const arrays = Array.isArray(answer) ? answer : [answer];
  return arrays.flatMap((array) => (ArrayBuffer.isView(array) ? [array.buffer as ArrayBuffer] : []));
}
