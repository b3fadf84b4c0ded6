import { z } from 'zod';
import { UserError } from '../errors.js';
import { type Connection, Unreachable, unreachable } from './connection.js';
import type { FileHash } from './file-hash.js';

export interface HubFile {
  /** Within the repository, `/` between. */
  readonly path: string;
  /** bytes */
  readonly size: number;
  readonly hash: FileHash;
}

export interface Listing {
  /** What the revision stood for when it was asked; all files are read from this commit. */
  readonly commit: string;
  readonly files: readonly HubFile[];
}

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), `${digits} hexadecimal digits`);
const size = z.int().nonnegative();
const commitSchema = hex(40);
/** Large files are kept outside git and named by their sha256, the others are git blobs. */
const entrySchema = z.object({
  path: z.string(),
  size,
  oid: hex(40),
  lfs: z.object({ oid: hex(64), size }).optional(),
});

/**
 * All files of a repository at its revision. This is the only place where the Hub's library is used, and it is loaded
 * here. Throws `UserError` for a refusal, an answer that is not a listing, or none.
 */
export async function listRepository(connection: Connection): Promise<Listing> {
  const { datasetInfo, listFiles, modelInfo } = await import('@huggingface/hub');
  const { repository, revision, endpoint } = connection;
  const server = { hubUrl: endpoint, fetch: connection.fetch };
  try {
    const info = repository.type === 'model' ? modelInfo<'sha'> : datasetInfo<'sha'>;
    const { sha } = await info({ name: repository.id, revision, additionalFields: ['sha'], ...server });
    const commit = commitSchema.parse(sha);
    const files: HubFile[] = [];
    const address = { type: repository.type, name: repository.id };
    for await (const entry of listFiles({ repo: address, revision: commit, recursive: true, ...server })) {
      if (entry.type !== 'file') continue;
      const { path, size: bytes, oid, lfs } = entrySchema.parse(entry);
      files.push(
        lfs === undefined
          ? { path, size: bytes, hash: { algorithm: 'git-sha1', digest: oid } }
          : { path, size: lfs.size, hash: { algorithm: 'sha256', digest: lfs.oid } },
      );
    }
    return { commit, files: files.sort((a, b) => (a.path < b.path ? -1 : 1)) };
  } catch (error) {
    if (error instanceof Unreachable) throw unreachable(connection, error);
    // Network errors have been dealt with: a TypeError is the library's, about an answer of another shape.
    const isOther = [z.ZodError, SyntaxError, TypeError].some((kind) => error instanceof kind);
    if (!isOther) throw error;
    const detail = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : 'another answer';
    throw new UserError(
      'input',
      {
        where: endpoint,
        expected: 'the listing of a Hugging Face Hub',
        found: detail,
        fix: 'check --endpoint (HF_ENDPOINT)',
      },
      { cause: error },
    );
  }
}
