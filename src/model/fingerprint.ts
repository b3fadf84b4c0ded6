import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../run/atomic-write.js';
import { makeCacheFolder } from '../run/cache-directory.js';
import { sha256 } from '../run/hash.js';
import { type OpenFile, readExactly, withFile } from './checkpoint/file.js';
import { BLOCK_LAYOUTS } from './checkpoint/layouts.js';
import type { StoredTensor } from './types.js';

/** Raised when what is remembered changes its meaning. */
const VERSION = 1;
/** Bytes in memory at once. */
const CHUNK_BYTES = 8 * 2 ** 20;

const remembered = z.object({
  version: z.literal(VERSION),
  path: z.string(),
  /** size, modification and change time in nanoseconds: differs whenever the file may have changed. */
  state: z.string(),
  sha256: z.string(),
  /** First NaN or infinity of every tensor that has one; for quantised tensors the first weight of the block. */
  nonFinite: z.array(z.object({ tensor: z.string(), index: z.number() })),
});

/** A hard link that an export makes meanwhile changes the times of a file, and nothing else. */
const MAX_SCANS = 3;

export type Fingerprint = Pick<z.output<typeof remembered>, 'sha256' | 'nonFinite'>;

/**
 * sha256 of a weight file and its non-finite tensors, found in one pass over its bytes and remembered in `cacheDir` until
 * the file's size or times change. `tensors` are all tensors of the file.
 */
export async function fingerprint(
  weightFile: string,
  tensors: readonly StoredTensor[],
  cacheDir: string,
): Promise<Fingerprint> {
  return withFile(weightFile, async (file) => {
    const memory = path.join(cacheDir, 'fingerprints', `${sha256(file.path)}.json`);
    const known = await recall(memory);
    for (let attempt = 0; attempt < MAX_SCANS; attempt++) {
      const state = await fileState(file);
      if (known !== undefined && known.path === file.path && known.state === state) return known;
      const found = await scan(file, tensors);
      if ((await fileState(file)) !== state) continue;
      const entry = { version: VERSION, path: file.path, state, ...found };
      await makeCacheFolder(path.dirname(memory));
      await writeFileAtomic(memory, JSON.stringify(entry));
      return found;
    }
    throw new UserError('input', {
      where: file.path,
      expected: 'a file at rest',
      found: 'changes while it was read',
      fix: 'try again when it is complete',
    });
  });
}

async function fileState({ handle }: OpenFile): Promise<string> {
  const { size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
  return `${size} ${mtimeNs} ${ctimeNs}`;
}

async function recall(memory: string) {
  try {
    return remembered.safeParse(JSON.parse(await readFile(memory, 'utf8'))).data;
  } catch {
    return undefined; // absent or damaged: made again
  }
}

async function scan(file: OpenFile, tensors: readonly StoredTensor[]): Promise<Fingerprint> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, file.size));
  const nonFinite: Fingerprint['nonFinite'] = [];
  let position = 0;
  /** Hashes up to `end` in chunks of whole blocks and shows each to `visit`. */
  const advance = async (end: number, blockBytes: number, visit?: (chunk: Uint8Array, offset: number) => void) => {
    const start = position;
    const chunkBytes = buffer.byteLength - (buffer.byteLength % blockBytes);
    while (position < end) {
      const chunk = buffer.subarray(0, Math.min(chunkBytes, end - position));
      await readExactly(file, chunk, position);
      hash.update(chunk);
      visit?.(chunk, position - start);
      position += chunk.byteLength;
    }
  };
  for (const tensor of [...tensors].sort((a, b) => a.offset - b.offset)) {
    const { bytes: blockBytes, length } = BLOCK_LAYOUTS[tensor.dtype];
    let first = -1;
    await advance(tensor.offset, 1);
    await advance(tensor.offset + tensor.byteLength, blockBytes, (chunk, offset) => {
      if (first >= 0) return;
      const block = firstNonFiniteBlock(tensor, chunk);
      if (block >= 0) first = (offset / blockBytes + block) * length;
    });
    if (first >= 0) nonFinite.push({ tensor: tensor.name, index: first });
  }
  await advance(file.size, 1);
  return { sha256: hash.digest('hex'), nonFinite };
}

/** A float is NaN or infinite when its exponent bits are all ones; they lie in its last one or two bytes. */
function firstNonFiniteBlock({ dtype }: StoredTensor, bytes: Uint8Array): number {
  const { bytes: blockBytes, floats } = BLOCK_LAYOUTS[dtype];
  const last = floats.type === 'F32' ? 3 : 1;
  let first = Number.POSITIVE_INFINITY;
  for (const offset of floats.offsets) {
    // The exponent of BF16 is that of F32: seven bits of the last byte and one of the byte before.
    if (floats.type === 'F16') {
      for (let at = offset + last; at < bytes.length; at += blockBytes)
        if ((bytes[at]! & 0x7c) === 0x7c) {
          first = Math.min(first, (at - offset - last) / blockBytes);
          break;
        }
    } else
      for (let at = offset + last; at < bytes.length; at += blockBytes)
        if ((bytes[at]! & 0x7f) === 0x7f && bytes[at - 1]! >= 0x80) {
          first = Math.min(first, (at - offset - last) / blockBytes);
          break;
        }
  }
  return Number.isFinite(first) ? first : -1;
}
