import { constants, type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.js';
import { syncDirectory } from '../run/atomic-write.js';
import { fileError } from '../run/index.js';
import { type Connection, networkCause, SILENCE_MILLISECONDS, Unreachable, unreachable } from './connection.js';
import { hashFile, startHash } from './file-hash.js';
import type { HubFile } from './list-repository.js';

/** Waits before the attempts that follow one without progress; each new byte starts them anew. */
const RETRY_MILLISECONDS: readonly number[] = [1000, 2000, 4000, 8000];

export interface Download {
  readonly address: string;
  readonly file: HubFile;
  /** Where the whole file appears, at once, when its hash is right. */
  readonly target: string;
}

export interface DownloadOptions {
  /** Bytes of the file that are on the disk. */
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
  readonly retryMilliseconds?: readonly number[];
}

/**
 * Loads one file into `TARGET.<hash>.part` and renames it. What is in the part file of an earlier start is not asked for
 * again; the hash is in its name, so pieces of different versions never meet. Returns the bytes that were there already.
 * Throws `UserError`: 'resource' when the server does not answer, 'input' when the contents are not the announced ones,
 * after which nothing of them is kept.
 */
export async function downloadFile(
  connection: Connection,
  { address, file, target }: Download,
  { onProgress, signal, retryMilliseconds = RETRY_MILLISECONDS }: DownloadOptions = {},
): Promise<{ readonly resumedFrom: number }> {
  const part = partPath(target, file);
  try {
    await mkdir(path.dirname(target), { recursive: true });
    await removeOtherParts(target, path.basename(part));
    const handle = await open(part, constants.O_RDWR | constants.O_CREAT, 0o666);
    try {
      const growing = new GrowingFile(file, handle);
      const resumedFrom = await growing.readPresent(signal);
      onProgress?.(resumedFrom);
      await complete(connection, address, growing, { onProgress, signal, retryMilliseconds });
      await growing.check(address);
      await handle.sync();
      await handle.close();
      await rename(part, target);
      await syncDirectory(path.dirname(target));
      return { resumedFrom };
    } finally {
      await handle.close().catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof WrongContents) await rm(part, { force: true });
    throw fileError(target, 'a file that can be written', error);
  }
}

export function partPath(target: string, { hash }: HubFile): string {
  return `${target}.${hash.digest.slice(0, 12)}.part`;
}

/** What arrived is not what was announced. */
class WrongContents extends UserError {}

class GrowingFile {
  offset = 0;
  #hash = startHash('sha256', 0);

  constructor(
    readonly file: HubFile,
    private readonly handle: FileHandle,
  ) {}

  async readPresent(signal?: AbortSignal): Promise<number> {
    const { size } = await this.handle.stat();
    await this.restart(size <= this.file.size ? size : 0);
    this.offset = await hashFile(this.#hash, this.handle, this.offset, signal);
    return this.offset;
  }

  /** The first `keep` bytes stay on the disk; their hash has to be computed anew. */
  async restart(keep = 0): Promise<void> {
    await this.handle.truncate(keep);
    this.#hash = startHash(this.file.hash.algorithm, this.file.size);
    this.offset = keep;
  }

  async append(bytes: Uint8Array, address: string): Promise<void> {
    if (this.offset + bytes.length > this.file.size)
      throw new WrongContents('input', {
        where: address,
        expected: `${this.file.size} bytes, as listed`,
        found: 'more',
        fix: 'the same command loads it anew',
      });
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await this.handle.write(bytes, written, bytes.length - written, this.offset + written);
      written += bytesWritten;
    }
    this.#hash.update(bytes);
    this.offset += bytes.length;
  }

  async check(address: string): Promise<void> {
    const { algorithm, digest } = this.file.hash;
    const found = this.#hash.digest('hex');
    if (found === digest) return;
    throw new WrongContents('input', {
      where: address,
      expected: `${algorithm} ${digest}, as listed`,
      found,
      fix: 'the same command loads it anew; if it happens again, the server or what lies between changes the file',
    });
  }
}

interface Needs {
  readonly onProgress: DownloadOptions['onProgress'];
  readonly signal: AbortSignal | undefined;
  readonly retryMilliseconds: readonly number[];
}

async function complete(
  connection: Connection,
  address: string,
  growing: GrowingFile,
  { onProgress, signal, retryMilliseconds: waits }: Needs,
): Promise<void> {
  let failures = 0;
  let furthest = growing.offset;
  while (growing.offset < growing.file.size) {
    try {
      await receive(connection, address, growing, { onProgress, signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Unreachable)) throw error;
      if (growing.offset > furthest) failures = 0;
      furthest = Math.max(furthest, growing.offset);
      const wait = waits[failures++];
      if (wait === undefined) throw unreachable(connection, error);
      await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

/** One request for all that is missing. */
async function receive(
  connection: Connection,
  address: string,
  growing: GrowingFile,
  { onProgress, signal }: Pick<Needs, 'onProgress' | 'signal'>,
): Promise<void> {
  const silence = new AbortController();
  const timer = setTimeout(
    () => silence.abort(new DOMException('silence', 'TimeoutError')),
    SILENCE_MILLISECONDS,
  ).unref();
  try {
    const from = growing.offset;
    const response = await connection.fetch(address, {
      ...(from > 0 && { headers: { range: `bytes=${from}-` } }),
      signal: signal === undefined ? silence.signal : AbortSignal.any([silence.signal, signal]),
    });
    if (response.status === 206) checkRange(response, from, growing.file.size, address);
    // A server without ranges sends everything again.
    else if (from > 0) await growing.restart();
    for await (const bytes of pieces(response)) {
      timer.refresh();
      await growing.append(bytes, address);
      onProgress?.(growing.offset);
    }
    if (growing.offset < growing.file.size)
      throw new Unreachable(`an end after ${growing.offset} of ${growing.file.size} bytes of ${growing.file.path}`);
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** The body; a connection that breaks is `Unreachable`, other errors are its consumer's. */
async function* pieces({ body }: Response): AsyncGenerator<Uint8Array> {
  if (body === null) return;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      if (error instanceof UserError) throw error;
      throw new Unreachable(networkCause(error), { cause: error });
    });
    if (done) return;
    yield value as Uint8Array;
  }
}

function checkRange(response: Response, from: number, size: number, address: string): void {
  const range = response.headers.get('content-range') ?? 'nothing';
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range) ?? [];
  if (Number(start) === from && (total === '*' || Number(total) === size)) return;
  throw new WrongContents('input', {
    where: address,
    expected: `Content-Range: bytes ${from}-${size - 1}/${size}`,
    found: range,
    fix: 'the same command loads the file anew',
  });
}

async function removeOtherParts(target: string, own: string): Promise<void> {
  const prefix = `${path.basename(target)}.`;
  for (const name of await readdir(path.dirname(target)))
    if (name.startsWith(prefix) && /^[0-9a-f]{12}\.part$/.test(name.slice(prefix.length)) && name !== own)
      await rm(path.join(path.dirname(target), name), { force: true });
}
