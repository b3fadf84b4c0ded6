import { parentPort, workerData } from 'node:worker_threads';
import { Buffers } from './buffers.js';
import { type GradientConfig, GradientEngine } from './gradient/index.js';
import type { SecondAnswer, SecondTask } from './gradient/second-engine.js';

/** Body of the thread of a `SecondEngine`. */
if (parentPort === null) throw new Error('gradient-worker.js runs only inside a worker thread');
const port = parentPort;
const reply = (answer: SecondAnswer, transfer: ArrayBufferLike[] = []) =>
  port.postMessage(answer, transfer as ArrayBuffer[]);
const buffers = new Buffers();
let engine: GradientEngine | undefined;

const run = async (task: SecondTask) => {
  switch (task.kind) {
    case 'gradient':
      try {
        engine ??= await GradientEngine.create({ ...(workerData as GradientConfig), buffers });
        const result = await engine.lossAndGradient(task.sequences, task.weights);
        const tensors = [...task.weights.values(), ...result.weights.values()];
        return reply(
          { kind: 'done', result, weights: task.weights },
          tensors.map(({ buffer }) => buffer),
        );
      } catch (error) {
        return reply({ kind: 'failed', error });
      }
    case 'free':
      return buffers.free();
    case 'close':
      await engine?.close();
      return port.close();
  }
};

let running: Promise<void> = Promise.resolve();
port.on('message', (task: SecondTask) => {
  running = running.then(() => run(task));
});
