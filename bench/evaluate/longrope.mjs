// One perplexity evaluation with our engine: node bench/evaluate/longrope.mjs MODEL IDS LENGTH [RUNS] [THREADS]
// IDS: int32 little-endian. Prints JSON {tokens, seconds, peak_rss_mb, mean_loss}; seconds is the median of RUNS after a warm-up.
import { readFile } from 'node:fs/promises';
import { loadModel, prepareWeights, resolveRope } from '../../dist/index.js';
import { DecoderEngine } from '../../dist/runtime/index.js';

const [modelPath, idsFile, length, runs = '3', threads = '2'] = process.argv.slice(2);
const model = await loadModel(modelPath);
const bytes = await readFile(idsFile);
const ids = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4).slice(0, Number(length));
if (ids.length !== Number(length)) throw new Error(`${idsFile} has only ${ids.length} tokens`);
const rope = resolveRope(model.spec.rope.geometry, model.spec.rope.scaling, ids.length);
const engine = await DecoderEngine.create({
  spec: model.spec,
  weights: await prepareWeights(model),
  threads: Number(threads),
});

let meanLoss = Number.NaN;
const seconds = [];
for (let run = 0; run <= Number(runs); run++) {
  const started = performance.now();
  const losses = await engine.tokenLosses({ ids, rope, scoreFrom: 1 });
  if (run > 0) seconds.push((performance.now() - started) / 1000);
  meanLoss = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
seconds.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    tokens: ids.length,
    seconds: seconds[Math.floor(seconds.length / 2)],
    peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    mean_loss: meanLoss,
  }),
);
