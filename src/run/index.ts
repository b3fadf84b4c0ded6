export { writeFileAtomic } from './atomic-write.js';
export { cacheDirectory } from './cache-directory.js';
export { errnoOf, fileError } from './file-error.js';
export { sha256, sha256File, sha256Json } from './hash.js';
export { Journal, parseJournal } from './journal.js';
export { canonicalJson, type Json } from './json.js';
export { acquireLock, type Lock } from './lock.js';
export { type Items, type RunFolder, resumeItems } from './resume-items.js';
export { JOURNAL_NAME, MANIFEST_NAME, openRunDirectory, type RunDirectory } from './run-directory.js';
