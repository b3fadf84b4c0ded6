import { readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkFinite, hashModel, loadModel, prepareWeights, readTensor } from '../../src/model/index.js';
import { cacheDirectory } from '../../src/run/cache-directory.js';
import { floatBytes } from '../helpers/float-bytes.js';
import { seededRandom } from '../helpers/random.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { randomTensors, TINY_CONFIG, writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { ggufBytes, ggufTensors, llamaMetadata } from '../helpers/write-gguf.js';
import type { RawTensor } from '../helpers/write-safetensors.js';

/** Replaces matrices by random Q4_1 blocks, of which every byte pattern with a finite scale is valid. */
function quantized(tensors: readonly RawTensor[], seed = 1): RawTensor[] {
  const random = seededRandom(seed);
  return tensors.map((tensor) => {
    if (tensor.shape.length !== 2 || tensor.shape[1]! % 32 !== 0) return tensor;
    const blocks = (tensor.shape[0]! * tensor.shape[1]!) / 32;
    const bytes = Uint8Array.from({ length: blocks * 20 }, () => Math.floor(random() * 256));
    const scales = floatBytes(Float32Array.of(0.01, -0.07), 'F16');
    for (let block = 0; block < blocks; block++) bytes.set(scales, block * 20);
    return { ...tensor, dtype: 'Q4_1', bytes };
  });
}

async function writeQuantized(edit = (tensors: RawTensor[]) => tensors): Promise<string> {
  const file = path.join(await temporaryFolder(), 'model.gguf');
  await writeFile(
    file,
    ggufBytes(llamaMetadata(TINY_CONFIG), edit(ggufTensors(quantized(randomTensors(TINY_CONFIG))))),
  );
  return file;
}

const floatAt = (tensor: RawTensor, index: number, value: Uint8Array): RawTensor => {
  const bytes = Uint8Array.from(tensor.bytes);
  bytes.set(value, index * value.byteLength);
  return { ...tensor, bytes };
};

describe('prepareWeights', () => {
  it('points into the files of float checkpoints', async () => {
    const cacheDir = await temporaryFolder();
    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      const folder = await temporaryFolder();
      await writeTinyCheckpoint(folder, { dtype, shards: 2 });
      const model = await loadModel(folder);
      const weights = await prepareWeights(model, { cacheDir });
      expect(weights.map(({ name }) => name).sort()).toEqual([...model.tensors.keys()].sort());
      for (const { name, file, offset, byteLength, shape, dtype: found } of weights) {
        expect({ file, offset, byteLength, shape, dtype: found }).toEqual({
          file: model.tensors.get(name)!.file,
          offset: model.tensors.get(name)!.offset,
          byteLength: model.tensors.get(name)!.byteLength,
          shape: model.tensors.get(name)!.shape,
          dtype,
        });
      }
    }
    expect(await readdir(cacheDir)).toEqual(['fingerprints']);
  });

  it('decodes quantised tensors once into a file of exactly their values', async () => {
    const cacheDir = await temporaryFolder();
    const model = await loadModel(await writeQuantized());
    const weights = await prepareWeights(model, { cacheDir });
    for (const weight of weights) {
      const stored = model.tensors.get(weight.name)!;
      expect(weight.dtype).toBe('F32');
      expect(weight.file === stored.file, weight.name).toBe(stored.dtype === 'F32');
      expect(await readTensor(weight), weight.name).toEqual(await readTensor(stored));
    }
    const cached = weights.find(({ file }) => file.startsWith(cacheDir))!.file;
    const before = await stat(cached);
    expect(await prepareWeights(model, { cacheDir })).toEqual(weights);
    expect((await stat(cached)).mtimeMs).toBe(before.mtimeMs);
    expect(await readdir(path.dirname(cached))).toEqual([path.basename(cached)]);
  });

  it('makes a damaged cache again and clears up after killed processes', async () => {
    const cacheDir = await temporaryFolder();
    const model = await loadModel(await writeQuantized());
    const weights = await prepareWeights(model, { cacheDir });
    const { file } = weights.find((weight) => weight.file.startsWith(cacheDir))!;
    const whole = await readFile(file);
    const recent = `${file}.00.tmp`;
    const abandoned = `${file}.11.tmp`;
    const damages = [
      () => truncate(file, whole.byteLength - 4),
      () => truncate(file, 0),
      () => writeFile(file, Buffer.concat([whole, whole])),
      () => writeFile(file, Buffer.concat([Buffer.from('x'), whole.subarray(1)])),
    ];
    for (const damage of damages) {
      await damage();
      await writeFile(recent, '');
      await writeFile(abandoned, '');
      await utimes(abandoned, 1, 1);
      expect(await prepareWeights(model, { cacheDir })).toEqual(weights);
      expect((await readFile(file)).equals(whole)).toBe(true);
      expect(await readdir(path.dirname(file))).toEqual([path.basename(file), path.basename(recent)]);
    }
  });

  it('may run several times at once', async () => {
    const cacheDir = await temporaryFolder();
    const gguf = await writeQuantized();
    const model = await loadModel(gguf);
    const together = await Promise.all([1, 2, 3].map(() => prepareWeights(model, { cacheDir })));
    expect(together[1]).toEqual(together[0]);
    expect(together[2]).toEqual(together[0]);
    const matrix = together[0]!.find(({ file }) => file.startsWith(cacheDir))!;
    expect(await readTensor(matrix)).toEqual(await readTensor(model.tensors.get(matrix.name)!));
    expect(await readdir(path.dirname(matrix.file))).toHaveLength(1);
  });

  it('refuses a cache that cannot be made', async () => {
    const blocked = path.join(await temporaryFolder(), 'file');
    await writeFile(blocked, '');
    const model = await loadModel(await writeQuantized());
    expect((await rejection(prepareWeights(model, { cacheDir: path.join(blocked, 'cache') }))).message).toContain(
      'LONGROPE_CACHE',
    );
  });
});

describe('checkFinite', () => {
  it.each([
    ['F32', Float32Array.of(Number.NaN)],
    ['F32', Float32Array.of(Number.NEGATIVE_INFINITY)],
    ['F16', Uint16Array.of(0x7c00)],
    ['F16', Uint16Array.of(0xfe01)],
    ['BF16', Uint16Array.of(0xff80)],
    ['BF16', Uint16Array.of(0x7fc0)],
  ] as const)('names every %s tensor with one, and where (%o)', async (dtype, value) => {
    const folder = await temporaryFolder();
    const bad = ['model.norm.weight', 'model.layers.1.mlp.up_proj.weight'];
    await writeTinyCheckpoint(folder, {
      dtype,
      edit: (tensors) =>
        tensors.map((tensor) =>
          bad.includes(tensor.name) ? floatAt(tensor, 31, new Uint8Array(value.buffer)) : tensor,
        ),
    });
    const model = await loadModel(folder);
    const cacheDir = await temporaryFolder();
    for (let again = 0; again < 2; again++) {
      const { kind, problems } = await rejection(checkFinite(model, { cacheDir }));
      expect(kind).toBe('input');
      expect(problems.map(({ where, found }) => `${where.split(': ')[1]} ${found}`).sort()).toEqual(
        bad.map((name) => `${name} NaN or infinity at index 31`).sort(),
      );
    }
    await rejection(prepareWeights(model, { cacheDir }));
  });

  it('lets the largest finite values pass', async () => {
    const largest = {
      F32: Float32Array.of(-3.4028234663852886e38),
      F16: Uint16Array.of(0xfbff),
      BF16: Uint16Array.of(0x7f7f),
    };
    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      const folder = await temporaryFolder();
      await writeTinyCheckpoint(folder, {
        dtype,
        edit: (tensors) => tensors.map((tensor) => floatAt(tensor, 5, new Uint8Array(largest[dtype].buffer))),
      });
      await checkFinite(await loadModel(folder), { cacheDir: await temporaryFolder() });
    }
  });

  it('finds blocks with a bad scale', async () => {
    const matrix = 'blk.0.attn_q.weight';
    // Block 3 of 20 bytes: its second float16, the minimum, becomes infinite.
    const file = await writeQuantized((tensors) =>
      tensors.map((tensor) => (tensor.name === matrix ? floatAt(tensor, 31, Uint8Array.of(0x00, 0x7c)) : tensor)),
    );
    const { message } = await rejection(checkFinite(await loadModel(file), { cacheDir: await temporaryFolder() }));
    expect(message).toContain(`${matrix}: expected finite weights, found NaN or infinity at index 96`);
  });
});

describe('hashModel', () => {
  it('depends on weights and config, not on place or cache', async () => {
    const hash = async (options: Parameters<typeof writeTinyCheckpoint>[1], cacheDir?: string) => {
      const folder = await temporaryFolder();
      await writeTinyCheckpoint(folder, options);
      return hashModel(await loadModel(folder), { cacheDir: cacheDir ?? (await temporaryFolder()) });
    };
    const cacheDir = await temporaryFolder();
    const base = await hash({});
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash({}, cacheDir)).toBe(base);
    expect(await hash({}, cacheDir)).toBe(base);
    expect(await hash({ seed: 2 }, cacheDir)).not.toBe(base);
    expect(await hash({ config: { rms_norm_eps: 1e-6 } }, cacheDir)).not.toBe(base);
    expect(await hash({ shards: 2 }, cacheDir)).not.toBe(base);
  });

  it('notices a changed file, and a damaged memory of it', async () => {
    const cacheDir = await temporaryFolder();
    const folder = await temporaryFolder();
    await writeTinyCheckpoint(folder);
    const model = await loadModel(folder);
    const before = await hashModel(model, { cacheDir });
    const [memory] = await readdir(path.join(cacheDir, 'fingerprints'));
    await writeFile(path.join(cacheDir, 'fingerprints', memory!), '{"version":1');
    expect(await hashModel(model, { cacheDir })).toBe(before);
    const file = path.join(folder, 'model.safetensors');
    const bytes = await readFile(file);
    bytes[bytes.byteLength - 1]! ^= 1;
    const { atime, mtime } = await stat(file);
    await writeFile(file, bytes);
    // As `cp --preserve` would: same size and modification time.
    await utimes(file, atime, mtime);
    expect(await hashModel(model, { cacheDir })).not.toBe(before);
  });
});

it('the default cache follows the environment', () => {
  expect(cacheDirectory({ LONGROPE_CACHE: '/a/b' })).toBe('/a/b');
  expect(cacheDirectory({ XDG_CACHE_HOME: '/x' })).toBe(path.normalize('/x/longrope'));
  expect(cacheDirectory({ XDG_CACHE_HOME: 'relative' })).toMatch(/\.cache.longrope$/);
  expect(cacheDirectory({})).toMatch(/\.cache.longrope$/);
});
