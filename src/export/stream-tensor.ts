import { UserError } from '../errors.js';
import { DECODERS } from '../model/checkpoint/dequantize/index.js';
import { readExactly, withFile } from '../model/checkpoint/file.js';
import { BLOCK_LAYOUTS, elementCount } from '../model/checkpoint/layouts.js';
import type { StoredTensor, TensorDtype } from '../model/types.js';
import { ENCODERS, type EncodedType } from './encode/index.js';
import { type RowOrder, reorderRows } from './row-order.js';

/** Weights in memory at once; a multiple of every block length. */
const CHUNK_WEIGHTS = 2 ** 20;

/** The largest magnitude each type has room for: what a float16 (or the float16 scale of a block) can still hold. */
const HALF_LIMIT = 65_520;
const LIMITS: Readonly<Partial<Record<TensorDtype, number>>> = {
  F16: HALF_LIMIT,
  Q8_0: HALF_LIMIT * 127,
  Q4_0: HALF_LIMIT * 8,
  Q4_1: HALF_LIMIT,
};

export interface TensorTarget {
  /** The tensor's own type carries its bytes over unchanged. */
  readonly dtype: TensorDtype;
  /** Of the rows of every head; null keeps them. */
  readonly order: RowOrder | null;
}

export function encodedBytes(shape: readonly number[], dtype: TensorDtype): number {
  const { length, bytes } = BLOCK_LAYOUTS[dtype];
  return (elementCount(shape)! / length) * bytes;
}

/**
 * Reads a tensor in pieces, checks it, and hands its bytes in the target type to `write`, a few MB at a time. Throws
 * `UserError` at the first NaN or infinity, and at a value the target type has no room for.
 */
export async function streamTensor(
  tensor: StoredTensor,
  { dtype, order }: TensorTarget,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const layout = BLOCK_LAYOUTS[tensor.dtype];
  const count = elementCount(tensor.shape)!;
  const rowWeights = tensor.shape.length > 1 ? tensor.shape.at(-1)! : 1;
  const chunk = order === null ? CHUNK_WEIGHTS : wholeHeads(order.length * rowWeights);
  const size = Math.min(chunk, count);
  const encoded = new Uint8Array((size / layout.length) * layout.bytes);
  const scratch = new Uint8Array(order === null ? 0 : encoded.byteLength);
  const floats = new Float32Array(size);
  const out = new Uint8Array(dtype === tensor.dtype ? 0 : encodedBytes([size], dtype));
  await withFile(tensor.file, async (file) => {
    for (let done = 0; done < count; done += chunk) {
      const weights = floats.subarray(0, Math.min(chunk, count - done));
      const read = encoded.subarray(0, (weights.length / layout.length) * layout.bytes);
      await readExactly(file, read, tensor.offset + (done / layout.length) * layout.bytes);
      const blocks =
        order === null ? read : reorderRows(read, (rowWeights / layout.length) * layout.bytes, order, scratch);
      DECODERS[tensor.dtype](blocks, weights);
      checkValues(weights, tensor, dtype, done);
      if (dtype === tensor.dtype) await write(blocks);
      else {
        const bytes = out.subarray(0, encodedBytes([weights.length], dtype));
        ENCODERS[dtype as EncodedType](weights, bytes);
        await write(bytes);
      }
    }
  });
}

function wholeHeads(headWeights: number): number {
  return headWeights * Math.max(1, Math.floor(CHUNK_WEIGHTS / headWeights));
}

function checkValues(weights: Float32Array, tensor: StoredTensor, dtype: TensorDtype, offset: number): void {
  const limit = (dtype === tensor.dtype ? undefined : LIMITS[dtype]) ?? Number.POSITIVE_INFINITY;
  for (let i = 0; i < weights.length; i++) {
    // False for NaN as well.
    if (Math.abs(weights[i]!) < limit) continue;
    const value = weights[i]!;
    const where = `${tensor.file}: ${tensor.name}, weight ${offset + i}`;
    if (!Number.isFinite(value))
      throw new UserError('input', {
        where,
        expected: 'finite weights',
        found: `${value}`,
        fix: 'the checkpoint is damaged: get it again',
      });
    throw new UserError('unsupported', {
      where,
      expected: `a magnitude below ${limit}, the most that ${dtype} holds`,
      found: `${value}`,
      fix: 'export it as F32 or BF16',
    });
  }
}
