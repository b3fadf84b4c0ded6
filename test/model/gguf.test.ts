import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { openGguf } from '../../src/model/index.js';
import { rejection } from '../helpers/rejection.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { ggufBytes, type TypedValue } from '../helpers/write-gguf.js';
import type { RawTensor } from '../helpers/write-safetensors.js';

const tensor = (name: string, dtype: string, shape: number[], byteLength: number): RawTensor => ({
  name,
  dtype,
  shape,
  bytes: new Uint8Array(byteLength),
});
const SMALL: readonly RawTensor[] = [tensor('matrix', 'Q8_0', [3, 32], 102), tensor('vector', 'F32', [5], 20)];
const METADATA: Readonly<Record<string, TypedValue>> = {
  'general.architecture': { string: 'test' },
  'test.list': { array: [{ string: 'a' }, { string: 'Ġb' }] },
  'test.nested': { array: [{ array: [{ u32: 1 }, { u32: 2 }] }, { array: [{ bool: true }] }] },
  'test.flag': { bool: false },
};

async function openBytes(bytes: Uint8Array) {
  const file = path.join(await temporaryFolder(), 'model.gguf');
  await writeFile(file, bytes);
  return openGguf(file);
}

describe('metadata', () => {
  it('every scalar type and arrays, as gguf-py wrote them', async () => {
    const { metadata } = await openGguf(path.resolve(import.meta.dirname, '../oracle/gguf-golden.gguf'));
    const values = Object.fromEntries([...metadata].filter(([key]) => /^(value|array)\./.test(key)));
    expect(values).toEqual({
      'value.uint8': 255,
      'value.int8': -128,
      'value.uint16': 65_535,
      'value.int16': -32_768,
      'value.uint32': 4_294_967_295,
      'value.int32': -2_147_483_648,
      'value.float32': Math.fround(0.1),
      'value.bool': true,
      'value.string': 'Gruß, 世界 🌍',
      'value.uint64': 2n ** 64n - 1n,
      'value.int64': -(2 ** 40),
      'value.float64': 0.1,
      'array.int32': [1, -2, 3],
      'array.string': ['Ġthe', '', 'é'],
      'array.float32': [0.5, -1.25],
    });
  });

  it('arrays of arrays', async () => {
    const { metadata } = await openBytes(ggufBytes(METADATA, []));
    expect(metadata.get('test.nested')).toEqual([[1, 2], [true]]);
  });

  it('of a real model with its 49,152 tokens', async () => {
    const { metadata, tensors } = await openGguf(
      path.join(SHARED, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf'),
    );
    const tokens = metadata.get('tokenizer.ggml.tokens') as string[];
    expect(tokens).toHaveLength(49_152);
    expect(tokens[0]).toBe('<|endoftext|>');
    expect((metadata.get('tokenizer.ggml.merges') as string[])[0]).toBe('Ġ t');
    expect(tensors.size).toBe(272);
    expect(tensors.get('token_embd.weight')).toMatchObject({
      dtype: 'Q8_0',
      shape: [49_152, 576],
      byteLength: (49_152 * 576 * 34) / 32,
    });
  });
});

describe('tensors', () => {
  it('have rows first and absolute offsets, in versions 2 and 3', async () => {
    for (const version of [2, 3]) {
      const bytes = ggufBytes(METADATA, SMALL, version);
      const { tensors } = await openBytes(bytes);
      const { offset } = tensors.get('vector')!;
      expect(offset).toBe(bytes.byteLength - 32);
      expect(tensors.get('matrix')).toMatchObject({ shape: [3, 32], byteLength: 102, offset: offset - 128 });
    }
  });

  it('of other types are listed apart', async () => {
    const { tensors, unreadable } = await openBytes(
      ggufBytes(METADATA, [...SMALL, tensor('odd', 'IQ4_XS', [256], 136)]),
    );
    expect(tensors.has('odd')).toBe(false);
    expect([...unreadable]).toEqual([['odd', 'IQ4_XS']]);
  });

  it('that do not fit are reported together', async () => {
    const bytes = ggufBytes(METADATA, [
      tensor('a', 'Q8_0', [2, 33], 96),
      tensor('b', 'F32', [4], 16),
      tensor('b', 'F32', [4], 16),
    ]);
    const { problems } = await rejection(openBytes(bytes.subarray(0, bytes.byteLength - 20)));
    expect(problems.map(({ found }) => found)).toEqual([
      'shape [2,33]',
      'it twice',
      expect.stringContaining('truncated'),
    ]);
  });

  it('may not share bytes', async () => {
    const bytes = ggufBytes({}, [tensor('a', 'F32', [8], 32), tensor('b', 'F32', [8], 32)]);
    // The offset is the last field of the last tensor info: move b onto a.
    const info = bytes.indexOf('b', 24);
    bytes.writeBigUInt64LE(0n, info + 1 + 4 + 8 + 4);
    expect((await rejection(openBytes(bytes))).message).toContain('bytes that belong to a too');
  });
});

describe('hostile files', () => {
  const whole = ggufBytes(METADATA, SMALL);

  it('truncated at any byte is a UserError', async () => {
    const file = path.join(await temporaryFolder(), 'model.gguf');
    // The file ends with padding that no tensor needs.
    for (let length = 0; length < whole.byteLength - 12; length++) {
      await writeFile(file, whole.subarray(0, length));
      expect((await rejection(openGguf(file))).kind).toBe('input');
    }
  });

  it('with damaged bytes is read or refused, never a crash', async () => {
    const file = path.join(await temporaryFolder(), 'model.gguf');
    const change = fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        await writeFile(file, bytes);
        const result = await openGguf(file).catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(UserError);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['tensor count', 8, /tensor count of at most/],
    ['metadata count', 16, /at most 65536 metadata keys/],
    ['key length', 24, /metadata key length of at most/],
  ])('an absurd %s is not believed', async (_, at, message) => {
    const bytes = Buffer.from(whole);
    bytes.writeBigUInt64LE(2n ** 52n, at);
    expect((await rejection(openBytes(bytes))).message).toMatch(message);
  });

  it('an array longer than the file is not allocated', async () => {
    const bytes = ggufBytes({ list: { array: [{ u32: 1 }] } }, []);
    const at = bytes.indexOf('list', 24) + 4 + 4 + 4;
    bytes.writeBigUInt64LE(10_000_000n, at);
    expect((await rejection(openBytes(bytes))).message).toContain('fits into the file');
    bytes.writeBigUInt64LE(2n ** 40n, at);
    expect((await rejection(openBytes(bytes))).message).toContain('array length of at most');
  });

  it('arrays nested too deep are refused', async () => {
    let value: TypedValue = { u32: 1 };
    for (let depth = 0; depth < 6; depth++) value = { array: [value] };
    expect((await rejection(openBytes(ggufBytes({ deep: value }, [])))).message).toContain('nested');
  });

  it('text that is not UTF-8 is refused', async () => {
    const bytes = ggufBytes({ key: { string: 'abcd' } }, []);
    bytes[bytes.indexOf('abcd')] = 0xff;
    expect((await rejection(openBytes(bytes))).message).toContain('UTF-8');
  });

  it('other versions and byte orders are named', async () => {
    expect((await rejection(openBytes(ggufBytes({}, [], 1)))).message).toContain('version 1');
    const bigEndian = await rejection(openBytes(ggufBytes({}, [], 0x03000000)));
    expect([bigEndian.kind, bigEndian.message]).toEqual(['unsupported', expect.stringContaining('big-endian')]);
    expect((await rejection(openBytes(Buffer.from('not a model at all')))).message).toContain('magic');
  });
});
