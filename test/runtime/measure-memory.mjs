// Evaluates one sequence in a fresh process and prints its peak memory in bytes: node measure-memory.mjs MODEL LENGTH
import { loadModel, prepareWeights } from '../../dist/model/index.js';
import { baseInverseFrequency } from '../../dist/rope/frequencies.js';
import { DecoderEngine } from '../../dist/runtime/index.js';

const [path, length] = process.argv.slice(2);
const model = await loadModel(path);
const base = baseInverseFrequency(model.spec.rope.geometry);
const rope = { inverseFrequency: base, baseInverseFrequency: base, attentionFactor: 1, startTokens: 0 };
const engine = await DecoderEngine.create({
  spec: model.spec,
  weights: await prepareWeights(model),
  threads: 2,
  cacheTokens: 0,
  opens: 'plain',
});
const ids = Int32Array.from({ length: Number(length) }, (_, i) => (i * 7919 + 13) % model.spec.vocabularySize);
await engine.tokenLosses({ ids, rope, scoreFrom: 1 });
process.stdout.write(String(process.resourceUsage().maxRSS * 1024));
