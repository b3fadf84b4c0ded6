import { UserError } from '../errors.js';

interface Cause {
  readonly kind: 'input' | 'resource';
  readonly found: string;
  readonly fix?: string;
}

const CAUSES: Readonly<Record<string, Cause>> = {
  ENOENT: { kind: 'input', found: 'nothing there' },
  ENOTDIR: { kind: 'input', found: 'a file where a folder should be' },
  EISDIR: { kind: 'input', found: 'a folder' },
  ENOSPC: {
    kind: 'resource',
    found: 'no space left on the device',
    fix: 'free some space and start the same command again',
  },
  EDQUOT: { kind: 'resource', found: 'a full disk quota', fix: 'free some space and start the same command again' },
  EFBIG: { kind: 'resource', found: 'a file size limit' },
  ENAMETOOLONG: { kind: 'input', found: 'a name that is too long' },
  EBUSY: { kind: 'resource', found: 'a file or folder in use, such as the root of a mounted disk' },
  EXDEV: { kind: 'resource', found: 'another disk, onto which nothing can be renamed' },
  ENOTEMPTY: { kind: 'input', found: 'a folder that is not empty' },
  ELOOP: { kind: 'input', found: 'links that lead in a circle' },
  ENXIO: { kind: 'input', found: 'a device or socket' },
  EIO: { kind: 'resource', found: 'an input/output error of the device' },
  EMFILE: { kind: 'resource', found: 'too many open files', fix: 'raise the limit of open files (ulimit -n)' },
  EACCES: { kind: 'resource', found: 'no permission', fix: 'check the owner and mode of the file and its folder' },
  EPERM: { kind: 'resource', found: 'no permission', fix: 'check the owner and mode of the file and its folder' },
  EROFS: { kind: 'resource', found: 'a read-only file system' },
};

/** The errno of a system error, or undefined for any other thing thrown. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Turns a system error about `path` into a `UserError`; anything else is a bug and comes back as it is. */
export function fileError(path: string, expected: string, error: unknown): unknown {
  const cause = CAUSES[errnoOf(error) ?? ''];
  if (cause === undefined) return error;
  const { kind, found, fix } = cause;
  return new UserError(kind, { where: path, expected, found, ...(fix === undefined ? {} : { fix }) }, { cause: error });
}
