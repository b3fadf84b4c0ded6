import type { DecoderSpec } from '../../model/types.js';
import { addInto, type Pass } from './step.js';

export const EMBEDDING = 'model.embed_tokens.weight';

/** The first layer's input, [N, hiddenSize]. */
export function embed(
  { hiddenSize, embeddingScale }: DecoderSpec,
  { weights, buffers }: Pass,
  ids: Int32Array,
): Float32Array {
  const matrix = weights.get(EMBEDDING) as Float32Array;
  const x = buffers.get('x 0', ids.length * hiddenSize);
  ids.forEach((id, row) => {
    x.set(matrix.subarray(id * hiddenSize, (id + 1) * hiddenSize), row * hiddenSize);
  });
  if (embeddingScale !== 1) for (let i = 0; i < x.length; i++) x[i] = (x[i] as number) * Math.fround(embeddingScale);
  return x;
}

/** Adds the embedding's gradient to the sums of the pass; a tied one holds that of the head already. */
export function embedBackward(spec: DecoderSpec, { sums, weights }: Pass, ids: Int32Array, dX: Float32Array): void {
  const { hiddenSize, embeddingScale } = spec;
  const sum = sums.get(EMBEDDING) ?? new Float32Array((weights.get(EMBEDDING) as Float32Array).length);
  sums.set(EMBEDDING, sum);
  ids.forEach((id, row) => {
    const part = dX.subarray(row * hiddenSize, (row + 1) * hiddenSize);
    const scaled = embeddingScale === 1 ? part : part.map((value) => value * embeddingScale);
    addInto(sum.subarray(id * hiddenSize, (id + 1) * hiddenSize), scaled);
  });
}
