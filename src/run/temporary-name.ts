import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';

/** Names that only writers leave behind that were interrupted. */
export const TEMPORARY_NAME = /^\..+\.[0-9a-f]{12}\.tmp$/;

/** Of a new file or folder that is to become `target`. */
export function temporaryName(target: string): string {
  return `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`;
}
