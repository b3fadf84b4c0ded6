import { type Model, readTensor } from '../../model/index.js';

/** All weights of a model as float32 in memory, by canonical name. */
export async function readWeights(model: Model): Promise<Map<string, Float32Array>> {
  const weights = new Map<string, Float32Array>();
  for (const [name, tensor] of model.tensors) weights.set(name, await readTensor(tensor));
  return weights;
}
