import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DECODERS } from '../../src/model/checkpoint/dequantize/index.js';
import { BLOCK_LAYOUTS } from '../../src/model/checkpoint/layouts.js';
import { openGguf, readTensor, type StoredTensor } from '../../src/model/index.js';
import { floatBytes } from '../helpers/float-bytes.js';
import { SHARED } from '../helpers/stories260k.js';

const ORACLE = path.resolve(import.meta.dirname, '../oracle');

/** Compares bits, so that -0 and 0 differ. */
const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

describe('against gguf-py (parity/gguf_golden.py)', async () => {
  const { tensors } = await openGguf(path.join(ORACLE, 'gguf-golden.gguf'));
  const golden = await readFile(path.join(ORACLE, 'gguf-golden.f32'));
  const expected = new Float32Array(golden.buffer.slice(golden.byteOffset, golden.byteOffset + golden.byteLength));
  let start = 0;
  const cases = [...tensors.values()].map((tensor) => {
    const count = tensor.shape[0]! * tensor.shape[1]!;
    const values = expected.subarray(start, start + count);
    start += count;
    return { tensor, dtype: tensor.dtype, values };
  });

  it('covers every dtype and every golden value', () => {
    expect(cases.map(({ dtype }) => dtype).sort()).toEqual(Object.keys(BLOCK_LAYOUTS).sort());
    expect(start).toBe(expected.length);
  });

  it.each(cases)('$dtype gives the same bits', async ({ tensor, values }) => {
    expect(bitsOf(await readTensor(tensor))).toEqual(bitsOf(values));
  });

  it('sampled rows of SmolLM2-135M give the same bits', async () => {
    const model = await openGguf(path.join(SHARED, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf'));
    const rows: { tensor: string; type: string; row: number; sha256: string }[] = JSON.parse(
      await readFile(path.join(ORACLE, 'gguf-smollm2.json'), 'utf8'),
    );
    expect(rows.length).toBeGreaterThan(5);
    for (const { tensor, type, row, sha256 } of rows) {
      const whole = model.tensors.get(tensor)!;
      expect(whole.dtype).toBe(type);
      const values = await readTensor(rowOf(whole, row));
      expect(createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex'), `${tensor} row ${row}`).toBe(
        sha256,
      );
    }
  });
});

function rowOf(tensor: StoredTensor, row: number): StoredTensor {
  const rows = tensor.shape.length === 1 ? 1 : tensor.shape[0]!;
  const byteLength = tensor.byteLength / rows;
  return { ...tensor, shape: [tensor.shape.at(-1)!], offset: tensor.offset + row * byteLength, byteLength };
}

describe('plain floats', () => {
  it('decodes every float16, as float32 arithmetic builds it', () => {
    const bytes = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer);
    const decoded = new Float32Array(65_536);
    DECODERS.F16(bytes, decoded);
    expect(decoded[0x3c00]).toBe(1);
    expect(decoded[0x0001]).toBe(2 ** -24);
    expect(decoded[0xfbff]).toBe(-65_504);
    expect(decoded[0x7c00]).toBe(Number.POSITIVE_INFINITY);
    expect(decoded[0x7e00]).toBeNaN();
    // The encoder of the test helpers is independent of the table: together they must be the identity.
    const finite = Uint16Array.from({ length: 65_536 }, (_, i) => i).filter((i) => (i & 0x7c00) !== 0x7c00);
    const again = new Uint16Array(
      floatBytes(
        Float32Array.from(finite, (bits) => decoded[bits]!),
        'F16',
      ).buffer,
    );
    expect(again).toEqual(finite);
  });

  it('reads F32 at any byte offset', () => {
    const bytes = new Uint8Array(9);
    bytes.set(floatBytes(Float32Array.of(1.5, -2), 'F32'), 1);
    const out = new Float32Array(2);
    DECODERS.F32(bytes.subarray(1), out);
    expect([...out]).toEqual([1.5, -2]);
  });
});
