import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import { syncDirectory } from '../run/atomic-write.js';
import { makeCacheFolder, removeAbandoned } from '../run/cache-directory.js';
import { fileError } from '../run/file-error.js';
import { DECODERS } from './checkpoint/dequantize/index.js';
import { readExactly, withFile } from './checkpoint/file.js';
import { BLOCK_LAYOUTS, elementCount } from './checkpoint/layouts.js';
import { encodeSafetensorsHeader } from './checkpoint/safetensors-header.js';
import type { StoredTensor } from './types.js';

/** Part of the file name; raised when a decoder or the layout changes, so that older files are not used. */
const VERSION = 1;
/** Weights in memory at once (4 MB of float32); a multiple of every block length. */
const CHUNK_WEIGHTS = 2 ** 20;

/**
 * The float32 twin of quantised tensors of one file: a safetensors file in the cache, named after the sha256 of the source,
 * made once and mapped by every process and thread that uses the model. Returns where the tensors lie in it.
 */
export async function dequantizedWeights(
  source: { readonly file: string; readonly sha256: string },
  tensors: readonly StoredTensor[],
  cacheDir: string,
): Promise<StoredTensor[]> {
  const target = path.join(cacheDir, 'weights', `${source.sha256}-f32-v${VERSION}.safetensors`);
  const floats = tensors.map(({ name, shape }) => ({
    name,
    shape,
    dtype: 'F32' as const,
    byteLength: 4 * elementCount(shape)!,
  }));
  const header = encodeSafetensorsHeader(floats, { format: 'pt', source_sha256: source.sha256 });
  const size = floats.reduce((sum, { byteLength }) => sum + byteLength, header.byteLength);
  if (!(await isComplete(target, header, size))) {
    const folder = path.dirname(target);
    await makeCacheFolder(folder);
    await removeAbandoned(folder);
    await checkSpace(folder, size);
    await write(target, async (file) => {
      await file.writeFile(header);
      await decodeInto(file, source.file, tensors);
    });
  }
  return withFile(target, async ({ path: file }) => {
    let offset = header.byteLength;
    return floats.map((tensor) => {
      const located = { ...tensor, file, offset };
      offset += tensor.byteLength;
      return located;
    });
  });
}

/** Files appear by rename, so a right header and size mean a whole file; anything else is made again. */
async function isComplete(target: string, header: Buffer, size: number): Promise<boolean> {
  try {
    return await withFile(target, async (file) => {
      const found = Buffer.alloc(header.byteLength);
      await readExactly(file, found, 0);
      return file.size === size && found.equals(header);
    });
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

async function checkSpace(folder: string, size: number): Promise<void> {
  const disk = await statfs(folder);
  const free = disk.bavail * disk.bsize;
  if (free < size)
    throw new UserError('resource', {
      where: folder,
      expected: `${(size / 1e9).toFixed(2)} GB for the float32 weights of a quantised model`,
      found: `${(free / 1e9).toFixed(2)} GB free`,
      fix: 'free space or set LONGROPE_CACHE to a folder on another disk',
    });
}

/** Under another name, synced, then renamed; of two processes that do so at once the later wins, with equal contents. */
async function write(target: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await fill(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
    await syncDirectory(path.dirname(target));
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(target, 'a cache that can be written', error);
  }
}

async function decodeInto(out: FileHandle, sourceFile: string, tensors: readonly StoredTensor[]): Promise<void> {
  const floats = new Float32Array(CHUNK_WEIGHTS);
  await withFile(sourceFile, async (source) => {
    for (const { dtype, shape, offset } of tensors) {
      const { length, bytes: blockBytes } = BLOCK_LAYOUTS[dtype];
      const encoded = new Uint8Array((CHUNK_WEIGHTS / length) * blockBytes);
      const count = elementCount(shape)!;
      for (let done = 0; done < count; done += CHUNK_WEIGHTS) {
        const weights = floats.subarray(0, Math.min(CHUNK_WEIGHTS, count - done));
        const blocks = encoded.subarray(0, (weights.length / length) * blockBytes);
        await readExactly(source, blocks, offset + (done / length) * blockBytes);
        DECODERS[dtype](blocks, weights);
        await out.writeFile(new Uint8Array(weights.buffer, 0, weights.byteLength));
      }
    }
  });
}
