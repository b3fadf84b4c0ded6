import { loadModel, type Model, prepareWeights } from '../../src/model/index.js';
import { rescaledRope } from '../../src/rope/frequencies.js';
import type { ResolvedRope } from '../../src/rope/types.js';
import { DecoderEngine } from '../../src/runtime/index.js';
import { seededRandom } from './random.js';
import { temporaryFolder } from './temporary-folder.js';
import { writeTinyCheckpoint } from './tiny-checkpoint.js';
import { loadTiny } from './tiny-model.js';

/** The kinds of attention an engine has to get right with a cache. */
export const ENGINE_MODELS: readonly { readonly name: string; readonly load: () => Promise<Model> }[] = [
  { name: 'the embedded model', load: loadTiny },
  { name: 'heads of 8, rotated by a node of their own', load: () => randomModel({}) },
  {
    name: 'a sliding window of 12 tokens',
    load: () =>
      randomModel({ architectures: ['MistralForCausalLM'], model_type: 'mistral', head_dim: 16, sliding_window: 12 }),
  },
];

/** A small model of random weights, gone when the current test ends. */
export async function randomModel(config: Readonly<Record<string, unknown>> = {}): Promise<Model> {
  const folder = await temporaryFolder();
  await writeTinyCheckpoint(folder, { config });
  return loadModel(folder);
}

/** An engine in this thread; `runs` counts what the decoder was asked to compute. */
export async function openCounting(model: Model, cacheTokens: number) {
  const counter = { runs: 0 };
  const config = {
    spec: model.spec,
    weights: await prepareWeights(model),
    threads: 1,
    cacheTokens,
    opens: 'cached',
  } as const;
  const engine = await DecoderEngine.create(config, () => {
    counter.runs++;
  });
  return { engine, counter };
}

/** All pairs slowed down by one factor, and logits sharpened. */
export function interpolated({ spec }: Model, factor: number, attentionFactor = 1): ResolvedRope {
  const { geometry } = spec.rope;
  const factors = new Float64Array(geometry.rotaryDim / 2).fill(factor);
  return rescaledRope(geometry, { factors, attentionFactor, startTokens: 0 });
}

/** Token ids drawn evenly from the vocabulary. */
export function randomIds({ spec }: Model, length: number, seed: number): Int32Array {
  const random = seededRandom(seed);
  return Int32Array.from({ length }, () => Math.floor(random() * spec.vocabularySize));
}
