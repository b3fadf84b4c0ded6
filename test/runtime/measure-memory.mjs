// Evaluates one sequence in a fresh process and prints its peak memory in bytes:
// node --expose-gc measure-memory.mjs MODEL LENGTH plain|cached|gradient
import { InferenceSession } from 'onnxruntime-node';
import { loadModel, prepareWeights } from '../../dist/model/index.js';
import { baseInverseFrequency } from '../../dist/rope/frequencies.js';
import { DecoderEngine, GradientEngine, readWeights } from '../../dist/runtime/index.js';

// What is garbage counts only while the collector has not come by, and when it does is chance.
const { run } = InferenceSession.prototype;
InferenceSession.prototype.run = async function (...request) {
  const results = await run.apply(this, request);
  globalThis.gc();
  return results;
};

const [path, length, opens] = process.argv.slice(2);
const model = await loadModel(path);
const base = baseInverseFrequency(model.spec.rope.geometry);
const rope = { inverseFrequency: base, baseInverseFrequency: base, attentionFactor: 1, startTokens: 0 };
const ids = Int32Array.from({ length: Number(length) }, (_, i) => (i * 7919 + 13) % model.spec.vocabularySize);
if (opens === 'gradient') {
  const wanted = { tables: true, weights: 'all' };
  // Without inner values, which are kept as far as their own limit goes: 38 kB per token of this model.
  const engine = await GradientEngine.create({ spec: model.spec, threads: 2, wanted, keepBytes: 0 });
  await engine.lossAndGradient([{ ids, rope, scoreFrom: 1 }], await readWeights(model));
} else {
  const engine = await DecoderEngine.create({
    spec: model.spec,
    weights: await prepareWeights(model),
    threads: 2,
    cacheTokens: 0,
    opens: 'plain',
  });
  if (opens === 'plain') await engine.tokenLosses({ ids, rope, scoreFrom: 1 });
  else await engine.continuationLosses({ sequences: [{ ids, scoreFrom: 1 }], rope });
}
process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
