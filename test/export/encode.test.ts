import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENCODED_TYPES, ENCODERS } from '../../src/export/encode/index.js';
import { float16Bits } from '../../src/export/encode/plain.js';
import { FLOAT16 } from '../../src/model/checkpoint/dequantize/float16.js';
import { DECODERS } from '../../src/model/checkpoint/dequantize/index.js';
import { BLOCK_LAYOUTS } from '../../src/model/checkpoint/layouts.js';

/** parity/quantize_golden.py made it with gguf-py. */
const golden = JSON.parse(readFileSync(new URL('../oracle/quantize-golden.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>;
const bytesOf = (name: string) => new Uint8Array(Buffer.from(golden[name] as string, 'base64'));
const values = new Float32Array(bytesOf('values').buffer);

describe('encoders', () => {
  it.each(ENCODED_TYPES.filter((type) => type !== 'F32'))('%s gives the bits of gguf-py', (type) => {
    const { length, bytes } = BLOCK_LAYOUTS[type];
    const out = new Uint8Array((values.length / length) * bytes);
    ENCODERS[type](values, out);
    const expected = bytesOf(type);
    expect(out.length).toBe(expected.length);
    for (let at = 0; at < out.length; at += bytes)
      expect([...out.subarray(at, at + bytes)], `block ${at / bytes}`).toEqual([...expected.subarray(at, at + bytes)]);
  });

  it('F32 keeps every bit', () => {
    const out = new Uint8Array(values.byteLength);
    ENCODERS.F32(values, out);
    expect(Buffer.from(out).equals(Buffer.from(values.buffer))).toBe(true);
  });

  it('float16 of every float16 is itself', () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const value = FLOAT16[bits]!;
      if (!Number.isNaN(value)) expect(float16Bits(value)).toBe(bits);
    }
  });

  it.each(ENCODED_TYPES)('%s of decoded values decodes to nearly the same', (type) => {
    const plain = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i * 1.7) * 0.05);
    const { length, bytes } = BLOCK_LAYOUTS[type];
    const blocks = new Uint8Array((plain.length / length) * bytes);
    ENCODERS[type](plain, blocks);
    const back = new Float32Array(plain.length);
    DECODERS[type](blocks, back);
    const largest = Math.max(...plain.map((value, i) => Math.abs(value - back[i]!)));
    expect(largest).toBeLessThan({ F32: 1e-12, F16: 2e-5, BF16: 2e-4, Q8_0: 2.1e-4, Q4_0: 6.5e-3, Q4_1: 3.5e-3 }[type]);
  });
});
