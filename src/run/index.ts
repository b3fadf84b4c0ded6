export { checkFileTarget, replaceFile, writeFileAtomic } from './atomic-write.js';
export { cacheDirectory, makeCacheFolder, removeAbandoned } from './cache-directory.js';
export { checkSpace } from './disk-space.js';
export { errnoOf, fileError } from './file-error.js';
export { sha256, sha256File, sha256Json } from './hash.js';
export { inParallel } from './in-parallel.js';
export { Journal, parseJournal } from './journal.js';
export { canonicalJson, type Json } from './json.js';
export { listFolder } from './list-folder.js';
export { acquireLock, type Lock } from './lock.js';
export type { ReportProgress } from './progress.js';
export { checkVacantFolder, replaceFolder } from './replace-folder.js';
export { type Items, type RunFolder, resumeItems } from './resume-items.js';
export {
  differences,
  JOURNAL_NAME,
  MANIFEST_NAME,
  openRunDirectory,
  type RunDirectory,
  sweepTemporary,
} from './run-directory.js';
export { removeUnfinished, TEMPORARY_NAME, unfinished } from './temporary-name.js';
