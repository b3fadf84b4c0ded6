export { type Connection, type ConnectionOptions, connect, DEFAULT_ENDPOINT } from './connection.js';
export { type Download, type DownloadOptions, downloadFile, partPath } from './download-file.js';
export { type FileHash, hashFile, startHash } from './file-hash.js';
export { findPresent } from './find-present.js';
export { type HubFile, type Listing, listRepository } from './list-repository.js';
export { localPaths, refuseLinkedFolders } from './local-path.js';
export { fileAddress, parseRepository, type Repository, type RepositoryType } from './repository.js';
export { type Selection, selectFiles, type Wish } from './select-files.js';
