import { readTensor } from '../../model/index.js';
import type { StoredTensor } from '../../model/types.js';

/** Weights as float32 in memory, by canonical name, from those of a model or of `prepareWeights`. */
export async function readWeights({
  tensors,
}: {
  readonly tensors: Iterable<readonly [name: string, tensor: StoredTensor]>;
}): Promise<Map<string, Float32Array>> {
  const weights = new Map<string, Float32Array>();
  for (const [name, tensor] of tensors) weights.set(name, await readTensor(tensor));
  return weights;
}
