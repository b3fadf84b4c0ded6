import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { extend } from '../../src/workflow/index.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

/** Whether this thread takes numbers below 1e-38 for 0. */
function flushes(): boolean {
  const tiny = new Float32Array([1e-40]);
  return (tiny[0] as number) * 1 === 0;
}

const recipeOf = (where: string) => `format: longrope-recipe/1
model: ${TINY}
texts: { train: { paths: [book.txt] } }
stages:
  - stage: finetune
    name: tuned
    factors: yarn:2
    texts: train
    where: ${where}
    hyperparameters: { max_steps: 1, max_seq_length: 64, per_device_train_batch_size: 8, optim: adamw }
    mixed_windows: false
`;

it('a recipe that trains here takes them for 0 from its beginning on, in the threads of its evaluations too', async () => {
  const folder = await temporaryFolder();
  const text = path.join(folder, 'book.txt');
  await writeFile(text, 'Call me Ishmael. Some years ago I went to sea. '.repeat(40));
  const begin = async (name: string, where: string) => {
    const recipe = path.join(folder, `${name}.yaml`);
    await writeFile(recipe, recipeOf(where));
    const job = { recipe, out: path.join(folder, name), checkpoints: new Map(), trainingThreads: 1, command: 'test' };
    const texts = new Map([['train', [text]]]);
    const signal = AbortSignal.abort(new Error('before any stage'));
    await expect(extend({ ...job, texts, factors: new Map(), signal })).rejects.toThrow('before any stage');
  };
  await begin('elsewhere', 'elsewhere\n    gpus: 1');
  expect(flushes()).toBe(false);
  await begin('here', 'here');
  expect(flushes()).toBe(true);
  const worker = new Worker(
    "require('node:worker_threads').parentPort.postMessage(new Float32Array([1e-40])[0] * 1 === 0)",
    { eval: true },
  );
  expect(await new Promise((resolve) => worker.once('message', resolve))).toBe(true);
});
