// Training steps with our engine: node bench/train/longrope.mjs MODEL IDS BATCH LENGTH [STEPS] [THREADS]
// IDS: int32 little-endian. A step: loss, gradient of all weights, AdamW. Prints JSON {tokens, seconds, peak_rss_mb, losses}; seconds
// is the median step after a warm-up.
import { readFile } from 'node:fs/promises';
import { loadModel, resolveRope } from '../../dist/index.js';
import { decoderTensors } from '../../dist/model/index.js';
import { mayHalve, readWeights, TrainingGradients } from '../../dist/runtime/index.js';
import { Optimizer } from '../../dist/training/index.js';

const [path, file, batch, length, steps = '3', threads = '2'] = process.argv.slice(2);
const model = await loadModel(path);
const bytes = await readFile(file);
const all = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const size = Number(length) + 1;
const rope = resolveRope(model.spec.rope.geometry, model.spec.rope.scaling, Number(length));
const sequences = Array.from({ length: Number(batch) }, (_, i) => {
  const ids = all.slice(i * size, (i + 1) * size);
  if (ids.length !== size) throw new Error(`${file} has too few tokens`);
  return { ids, rope, scoreFrom: 1 };
});
const weights = await readWeights(model);
const engine = await TrainingGradients.create({
  spec: model.spec,
  threads: Number(threads),
  wanted: { weights: 'all', tables: false },
  inHalves: mayHalve(model.spec, {
    rows: sequences.length,
    tokens: sequences.length * Number(length),
    threads: Number(threads),
  }),
});
const adam = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 };
const settings = { name: 'adamw', ...adam, momentum: 0.95, weightDecay: 0 };
const optimizer = new Optimizer(settings, decoderTensors(model.spec), () => {
  throw new Error('AdamW alone');
});

const [seconds, losses] = [[], []];
for (let step = 0; step <= Number(steps); step++) {
  const started = performance.now();
  const { loss, weights: gradients } = await engine.lossAndGradient(sequences, weights);
  await optimizer.update(weights, gradients, { step, learningRate: 1e-4 });
  if (step > 0) seconds.push((performance.now() - started) / 1000);
  losses.push(loss);
}
await engine.close();
seconds.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    tokens: Number(batch) * Number(length),
    seconds: seconds[Math.floor((seconds.length - 1) / 2)],
    peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    losses,
  }),
);
