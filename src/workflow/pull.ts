import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import {
  type ConnectionOptions,
  connect,
  downloadFile,
  fileAddress,
  findPresent,
  type HubFile,
  listRepository,
  localPaths,
  parseRepository,
  partPath,
  type RepositoryType,
  refuseLinkedFolders,
  selectFiles,
} from '../hub/index.js';
import { acquireLock, checkSpace, fileError, inParallel, writeFileAtomic } from '../run/index.js';

/** Where a folder came from; written when it is whole. */
export const PULL_RECORD = 'pull.json';

/** More connections at once gain little for large files and much for the many small ones of data sets. */
const PARALLEL = 4;

export interface PullJob extends ConnectionOptions {
  /** `owner/name`, or `owner/name:FILE`. */
  readonly repository: string;
  readonly type: RepositoryType;
  /** Branch, tag or commit; default main. */
  readonly revision?: string;
  readonly file?: string;
  readonly include?: readonly string[];
  /** Default: the name of the repository. */
  readonly out?: string;
  /** Replace files that are there with other contents. */
  readonly force?: boolean;
  readonly onProgress?: (bytes: number, totalBytes: number, detail: string) => void;
  /** Waits between attempts; for tests. */
  readonly retryMilliseconds?: readonly number[];
}

export interface PulledFile {
  readonly path: string;
  readonly bytes: number;
  readonly algorithm: 'sha256' | 'git-sha1';
  readonly digest: string;
  readonly how: 'loaded' | 'resumed' | 'already there';
}

export interface Pull {
  readonly repository: string;
  readonly type: RepositoryType;
  readonly endpoint: string;
  readonly revision: string;
  /** What the revision stood for. */
  readonly commit: string;
  readonly files: readonly PulledFile[];
  readonly out: string;
  /** Of this start. */
  readonly loadedBytes: number;
  readonly notes: readonly string[];
}

/**
 * `longrope pull`: files of a Hub repository as real files in a folder, each checked against the hash in the repository's
 * listing. A start after an interrupted one goes on with what is there. Throws `UserError`: 'usage', 'input' for what the
 * server or the folder does not have or has otherwise, 'resource' for disk and network, 'busy' while another process has the folder.
 */
export async function pull(job: PullJob): Promise<Pull> {
  const { repository, file: named } = parseRepository(job.repository, job.type);
  if (job.file !== undefined && named !== null && job.file !== named)
    throw new UserError('usage', {
      where: '--file',
      expected: 'one file, by one name',
      found: `${named} behind the repository too`,
    });
  const file = job.file ?? named ?? undefined;
  if (file !== undefined && job.include !== undefined)
    throw new UserError('usage', { where: '--include', expected: 'one way to choose files', found: 'a file as well' });
  const revision = job.revision ?? 'main';
  const connection = connect(repository, revision, job);
  const { commit, files: listed } = await listRepository(connection);
  const { files, notes } = selectFiles(repository, listed, {
    ...(file !== undefined && { file }),
    ...(job.include !== undefined && { include: job.include }),
  });
  const out = job.out ?? path.posix.basename(repository.id);
  const names = files.map(({ path: name }) => name);
  const places = localPaths(out, names);
  const placeOf = (name: string) => places.get(name) as string;
  await mkdir(out, { recursive: true }).catch((error: unknown) => {
    throw fileError(out, 'a folder that can be made', error);
  });
  const lock = await acquireLock(out);
  try {
    await refuseLinkedFolders(out, names);
    const present = await findPresent(files, placeOf, {
      force: job.force === true,
      onFile: ({ path: name }) => job.onProgress?.(0, 1, `checking ${name}`),
      ...(job.signal && { signal: job.signal }),
    });
    const missing = files.filter((one) => !present.has(one));
    const begun = await begunBytes(missing, placeOf);
    const bytes = missing.reduce((sum, { size }) => sum + size, 0) - begun;
    await checkSpace(out, bytes, `the files of ${repository.id}`);
    const resumed = new Map<HubFile, number>();
    const arrived = new Map<HubFile, number>();
    await inParallel(
      missing,
      PARALLEL,
      async (wanted, signal) => {
        const address = fileAddress(connection.endpoint, repository, commit, wanted.path);
        const { resumedFrom } = await downloadFile(
          connection,
          { address, file: wanted, target: placeOf(wanted.path) },
          {
            signal,
            ...(job.retryMilliseconds && { retryMilliseconds: job.retryMilliseconds }),
            onProgress(done) {
              arrived.set(wanted, done);
              const total = [...arrived.values()].reduce((sum, one) => sum + one, 0);
              job.onProgress?.(Math.max(0, total - begun), bytes, wanted.path);
            },
          },
        );
        resumed.set(wanted, resumedFrom);
      },
      job.signal,
    );
    const result: Omit<Pull, 'out' | 'loadedBytes' | 'notes'> = {
      repository: repository.id,
      type: repository.type,
      endpoint: connection.endpoint,
      revision,
      commit,
      files: files.map((one) => ({
        path: one.path,
        bytes: one.size,
        ...one.hash,
        how: present.has(one) ? 'already there' : resumed.get(one) === 0 ? 'loaded' : 'resumed',
      })),
    };
    const { files: all, ...source } = result;
    const record = { ...source, files: all.map(({ how: _, ...file }) => file) };
    await writeFileAtomic(path.join(out, PULL_RECORD), `${JSON.stringify(record, null, 2)}\n`);
    return { ...result, out, loadedBytes: bytes, notes };
  } finally {
    await lock.release();
  }
}

/** What part files hold already. */
async function begunBytes(files: readonly HubFile[], placeOf: (path: string) => string): Promise<number> {
  const sizes = files.map(async (file) => {
    const part = await stat(partPath(placeOf(file.path), file)).catch(() => null);
    return part === null || part.size > file.size ? 0 : part.size;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
