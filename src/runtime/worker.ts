import { parentPort, workerData } from 'node:worker_threads';
import { DecoderEngine, type EngineConfig } from './decoder-engine.js';
import type { WorkerReply, WorkerTask } from './pool.js';

/** Body of a worker thread: one engine, one task at a time. */
if (parentPort === null) throw new Error('worker.js runs only inside a worker thread');
const port = parentPort;
const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

try {
  const engine = await DecoderEngine.create(workerData as EngineConfig);
  port.on('message', async (task: WorkerTask) => {
    try {
      const values =
        task.kind === 'losses' ? await engine.tokenLosses(task.request) : await engine.logits(task.request);
      reply({ kind: 'done', id: task.id, values }, [values.buffer as ArrayBuffer]);
    } catch (error) {
      reply({ kind: 'failed', id: task.id, error });
    }
  });
  reply({ kind: 'ready' });
} catch (error) {
  reply({ kind: 'broken', error });
}
