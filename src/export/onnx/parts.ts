import { decoderTensors } from '../../model/decoder-tensors.js';
import type { FloatDtype, Model, StoredTensor } from '../../model/types.js';
import { rotaryTable } from '../../rope/rotary-table.js';
import type { ResolvedRope } from '../../rope/types.js';
import { neighboursToHalves } from '../row-order.js';
import { encodedBytes, streamTensor } from '../stream-tensor.js';
import type { DataPart } from './data-files.js';

/** Rows of a rotary table in memory at once. */
const TABLE_ROWS = 4096;

/** Every tensor of the decoder under its canonical name; rows of queries and keys in Hugging Face's order. */
export function weightParts(model: Model, dtype: FloatDtype): DataPart[] {
  const { spec, tensors } = model;
  const order =
    spec.rotaryPairing === 'adjacent' ? neighboursToHalves(spec.headDim, spec.rope.geometry.rotaryDim) : null;
  return [...decoderTensors(spec).keys()].map((name) => {
    const stored = tensors.get(name) as StoredTensor;
    const turns = /\.self_attn\.[qk]_proj\.(weight|bias)$/.test(name);
    return {
      name,
      byteLength: encodedBytes(stored.shape, dtype),
      write: (sink) => streamTensor(stored, { dtype, order: turns ? order : null }, sink),
    };
  });
}

/** cos and sin of positions 0 to rows - 1, float32. */
export function tableParts(name: string, rope: ResolvedRope, rows: number): DataPart[] {
  return (['cos', 'sin'] as const).map((what) => ({
    name: `${name}.${what}`,
    byteLength: rows * rope.inverseFrequency.length * 4,
    write: async (sink) => {
      for (let from = 0; from < rows; from += TABLE_ROWS) {
        const table = rotaryTable(rope, Math.min(TABLE_ROWS, rows - from), from)[what];
        await sink(new Uint8Array(table.buffer, table.byteOffset, table.byteLength));
      }
    },
  }));
}
