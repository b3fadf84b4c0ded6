import { createHash, type Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** How the Hub names contents: sha256 of large files, git's blob hash of the others. */
export interface FileHash {
  readonly algorithm: 'sha256' | 'git-sha1';
  /** hex */
  readonly digest: string;
}

const PIECE_BYTES = 2 ** 20;

/** `size`: bytes of the whole file; git puts it in front of the contents. */
export function startHash(algorithm: FileHash['algorithm'], size: number): Hash {
  return algorithm === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}

/** Feeds the first `bytes` bytes of a file to `hash`; returns how many there were. */
export async function hashFile(hash: Hash, handle: FileHandle, bytes: number, signal?: AbortSignal): Promise<number> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  let offset = 0;
  while (offset < bytes) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, bytes - offset), offset);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    offset += bytesRead;
  }
  return offset;
}
