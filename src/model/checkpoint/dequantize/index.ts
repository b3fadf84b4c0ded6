import { sizeOfShape } from '../../tensor-shape.js';
import type { StoredTensor, TensorDtype } from '../../types.js';
import { readExactly, withFile } from '../file.js';
import { decodeQ4_K, decodeQ5_K, decodeQ6_K } from './k-quants.js';
import { decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0 } from './legacy-quants.js';
import { decodeBF16, decodeF16, decodeF32 } from './plain.js';

/** Fills `out`, whose length is a whole number of blocks, from as many blocks at the start of `bytes`. */
export type Decode = (bytes: Uint8Array, out: Float32Array) => void;

/** To float32, bit for bit as ggml and gguf-py. */
export const DECODERS: Readonly<Record<TensorDtype, Decode>> = {
  F32: decodeF32,
  F16: decodeF16,
  BF16: decodeBF16,
  Q4_0: decodeQ4_0,
  Q4_1: decodeQ4_1,
  Q5_0: decodeQ5_0,
  Q5_1: decodeQ5_1,
  Q8_0: decodeQ8_0,
  Q4_K: decodeQ4_K,
  Q5_K: decodeQ5_K,
  Q6_K: decodeQ6_K,
};

/** A whole tensor as float32, row-major. For small tensors and tests; weights go through `prepareWeights`. */
export async function readTensor(tensor: StoredTensor): Promise<Float32Array> {
  const bytes = new Uint8Array(tensor.byteLength);
  await withFile(tensor.file, (file) => readExactly(file, bytes, tensor.offset));
  const out = new Float32Array(sizeOfShape(tensor.shape));
  DECODERS[tensor.dtype](bytes, out);
  return out;
}
