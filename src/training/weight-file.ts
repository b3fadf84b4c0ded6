import path from 'node:path';
import { storedName } from '../model/decoder-tensors.js';
import { architectures, decoderTensors, type PreparedTensor } from '../model/index.js';
import type { DecoderSpec } from '../model/types.js';
import type { Weights } from '../runtime/index.js';
import { type NamedTensor, writeTensors } from './tensor-file.js';

/**
 * Writes weights as `model.safetensors`, float32, under the names of their Hugging Face class, fused tensors as one. Returns
 * where each lies, by canonical name, as an engine wants it.
 */
export async function writeWeights(folder: string, spec: DecoderSpec, weights: Weights): Promise<PreparedTensor[]> {
  const declaration = architectures.find(({ name }) => name === spec.architecture);
  if (declaration === undefined) throw new Error(`no declaration of ${spec.architecture}`);
  const stored = new Map<string, { shape: readonly number[]; parts: { name: string; data: Float32Array }[] }>();
  const shapes = decoderTensors(spec);
  for (const [name, shape] of shapes) {
    const data = weights.get(name);
    if (data === undefined) throw new Error(`no weight named ${name}`);
    const key = storedName(name, declaration, 'safetensors');
    const before = stored.get(key);
    const rows = (before?.shape[0] ?? 0) + (shape[0] as number);
    stored.set(key, { shape: [rows, ...shape.slice(1)], parts: [...(before?.parts ?? []), { name, data }] });
  }
  const file = path.join(folder, 'model.safetensors');
  const tensors = [...stored].map(
    ([name, { shape, parts }]): NamedTensor => ({ name, shape, parts: parts.map(({ data }) => data) }),
  );
  const offsets = await writeTensors(file, tensors);
  return [...stored].flatMap(([key, { parts }]) => {
    let offset = offsets.get(key) as number;
    return parts.map(({ name, data: { byteLength } }): PreparedTensor => {
      const shape = shapes.get(name) as readonly number[];
      const prepared = { name, file, offset, byteLength, dtype: 'F32', shape } as const;
      offset += byteLength;
      return prepared;
    });
  });
}
