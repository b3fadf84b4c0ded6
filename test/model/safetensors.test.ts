import { mkdir, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { openSafetensors, readTensor } from '../../src/model/index.js';
import { floatBytes } from '../helpers/float-bytes.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { type RawTensor, writeSafetensors } from '../helpers/write-safetensors.js';

const floats = (name: string, ...values: number[]): RawTensor => ({
  name,
  dtype: 'F32',
  shape: [values.length],
  bytes: floatBytes(Float32Array.from(values), 'F32'),
});

/** A file with a hand-written header, for what the writer would never produce. */
async function writeRaw(file: string, header: string | Buffer, data: Uint8Array): Promise<void> {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.byteLength));
  await writeFile(file, Buffer.concat([length, json, data]));
}

async function problemsOf(header: unknown, dataBytes: number): Promise<string[]> {
  const folder = await temporaryFolder();
  await writeRaw(path.join(folder, 'model.safetensors'), JSON.stringify(header), new Uint8Array(dataBytes));
  const { problems } = await rejection(openSafetensors(folder));
  return problems.map(({ where, expected, found }) => `${path.basename(where)}: ${expected} | ${found}`);
}

describe('a single file', () => {
  it('gives shape, dtype and place of every tensor', async () => {
    const folder = await temporaryFolder();
    const half: RawTensor = {
      name: 'b',
      dtype: 'BF16',
      shape: [2, 1],
      bytes: floatBytes(Float32Array.of(1.5, -3), 'BF16'),
    };
    const ids: RawTensor = { name: 'ids', dtype: 'I64', shape: [1], bytes: new Uint8Array(8) };
    await writeSafetensors(path.join(folder, 'model.safetensors'), [floats('a', 1, 2), half, ids]);
    const { tensors, unreadable, files } = await openSafetensors(folder);
    expect(files).toEqual([path.join(folder, 'model.safetensors')]);
    expect([...tensors.keys()]).toEqual(['a', 'b']);
    expect([...unreadable]).toEqual([['ids', 'I64']]);
    expect(tensors.get('b')).toMatchObject({ dtype: 'BF16', shape: [2, 1], byteLength: 4 });
    expect([...(await readTensor(tensors.get('a')!)), ...(await readTensor(tensors.get('b')!))]).toEqual([
      1, 2, 1.5, -3,
    ]);
  });

  it('reports every bad entry at once', async () => {
    const problems = await problemsOf(
      {
        a: { dtype: 'F32', shape: [2], data_offsets: [0, 4] },
        b: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] },
        c: { dtype: 'F32', shape: [1], data_offsets: [8, 4] },
        d: { dtype: 'F32', shape: [2 ** 40, 2 ** 40], data_offsets: [0, 4] },
        e: 7,
      },
      4,
    );
    expect(problems.map((problem) => problem.split(' ')[0]).length).toBe(5);
    expect(problems[0]).toContain('needs 8');
    expect(problems[4]).toContain('| 7');
  });

  it('refuses overlaps, holes and bytes that belong to nothing', async () => {
    const at = (begin: number, end: number) => ({ dtype: 'U8', shape: [end - begin], data_offsets: [begin, end] });
    expect(await problemsOf({ a: at(0, 4), b: at(2, 6) }, 6)).toEqual([expect.stringContaining('overlaps')]);
    expect(await problemsOf({ a: at(0, 4), b: at(6, 8) }, 8)).toEqual([expect.stringContaining('hole')]);
    expect(await problemsOf({ a: at(0, 4) }, 6)).toEqual([expect.stringContaining('4 bytes of tensor data | 6')]);
    expect(await problemsOf({ a: at(0, 4) }, 3)).toEqual([expect.stringContaining('truncated')]);
  });

  it('does not allocate what a header length claims', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'model.safetensors');
    for (const length of [2n ** 64n - 1n, 99_999_999n]) {
      const bytes = Buffer.alloc(64);
      bytes.writeBigUInt64LE(length);
      await writeFile(file, bytes);
      expect((await rejection(openSafetensors(folder))).problems).toHaveLength(1);
    }
  });

  it('names what is wrong with the text of the header', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'model.safetensors');
    await writeRaw(file, '{"a": ', new Uint8Array(0));
    expect((await rejection(openSafetensors(folder))).message).toContain('JSON in UTF-8');
    await writeRaw(file, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), new Uint8Array(0));
    expect((await rejection(openSafetensors(folder))).message).toContain('JSON in UTF-8');
    await writeRaw(file, '[]', new Uint8Array(0));
    expect((await rejection(openSafetensors(folder))).message).toContain('starts with {');
    // Deep nesting must neither exhaust the stack of the parser nor that of the message.
    await writeRaw(file, `{"a":{"dtype":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`, new Uint8Array(0));
    await rejection(openSafetensors(folder));
  });

  it('truncated at any byte is one UserError', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'model.safetensors');
    await writeSafetensors(file, [floats('first', 1, 2, 3), floats('second', 4)]);
    const { byteLength } = await readFile(file);
    for (let length = byteLength - 1; length >= 0; length--) {
      await truncate(file, length);
      expect((await rejection(openSafetensors(folder))).kind).toBe('input');
    }
  });

  it('with damaged bytes it is read or refused, never a crash', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'model.safetensors');
    await writeSafetensors(file, [floats('first', 1, 2, 3), floats('second', 4)]);
    const whole = await readFile(file);
    const change = fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        await writeFile(file, bytes);
        const result = await openSafetensors(folder).catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(UserError);
      }),
      { numRuns: 500 },
    );
  });

  it('a folder in the place of the file is refused', async () => {
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'model.safetensors'));
    expect((await rejection(openSafetensors(folder))).message).toContain('regular file');
  });
});

describe('shards', () => {
  const index = (map: Record<string, unknown>) => JSON.stringify({ metadata: { total_size: 0 }, weight_map: map });

  it('are one checkpoint, also behind links', async () => {
    const folder = await temporaryFolder();
    const blobs = await temporaryFolder();
    await writeSafetensors(path.join(blobs, 'blob'), [floats('a', 1)]);
    await symlink(path.join(blobs, 'blob'), path.join(folder, 'one.safetensors'));
    await writeSafetensors(path.join(folder, 'two.safetensors'), [floats('b', 2)]);
    await writeFile(
      path.join(folder, 'model.safetensors.index.json'),
      index({ a: 'one.safetensors', b: 'two.safetensors' }),
    );
    const { tensors } = await openSafetensors(folder);
    expect(tensors.get('a')!.file).toBe(path.join(blobs, 'blob'));
    expect(tensors.get('b')!.file).toBe(path.join(folder, 'two.safetensors'));
  });

  it('reports missing and damaged shards, absent and doubled tensors in one error', async () => {
    const folder = await temporaryFolder();
    await writeSafetensors(path.join(folder, '1.safetensors'), [floats('a', 1), floats('twice', 1)]);
    await writeSafetensors(path.join(folder, '2.safetensors'), [floats('twice', 1)]);
    await writeSafetensors(path.join(folder, '3.safetensors'), [floats('c', 1)]);
    const damaged = await open(path.join(folder, '3.safetensors'), 'r+');
    await damaged.truncate(20);
    await damaged.close();
    const map = {
      a: '1.safetensors',
      twice: '2.safetensors',
      absent: '1.safetensors',
      c: '3.safetensors',
      d: '4.safetensors',
    };
    await writeFile(path.join(folder, 'model.safetensors.index.json'), index(map));
    const { message, problems } = await rejection(openSafetensors(folder));
    expect(problems).toHaveLength(4);
    expect(message).toMatch(/twice: .*1\.safetensors and 2\.safetensors/);
    expect(message).toMatch(/absent: expected the tensor in 1\.safetensors, found it in no shard/);
    expect(message).toMatch(/3\.safetensors: .*truncated/);
    expect(message).toMatch(/4\.safetensors: /);
    await rm(path.join(folder, '1.safetensors'));
    expect((await rejection(openSafetensors(folder))).message).toContain('1.safetensors');
  });

  it('may not point outside the folder', async () => {
    const folder = await temporaryFolder();
    await writeFile(
      path.join(folder, 'model.safetensors.index.json'),
      index({ a: '../other/x.safetensors', b: 3, c: '' }),
    );
    expect((await rejection(openSafetensors(folder))).problems).toHaveLength(3);
    await writeFile(path.join(folder, 'model.safetensors.index.json'), '{}');
    expect((await rejection(openSafetensors(folder))).message).toContain('weight_map');
  });
});
