import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { TINY } from './tiny-model.js';

/** Above this the Hub keeps a file outside git, names it by its sha256 and redirects to another host. */
const LARGE_BYTES = 100_000;
const PAGE = 3;
export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

export interface SeenRequest {
  readonly server: 'hub' | 'storage';
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** What the storage does wrong; may be changed while it runs. */
export interface Faults {
  /** Bytes of an answer after which the connection is cut. */
  cutAfter?: number;
  /** As if every request were for the whole file. */
  ignoreRange?: boolean;
  /** Added to the first byte of Content-Range. */
  shiftRange?: number;
  /** Ends answers early but in good order, with a right Content-Length for what is sent. */
  truncateTo?: number;
  /** Flips a bit of this byte. */
  corruptByte?: number;
  /** Answers with this status instead of the file. */
  status?: number;
  /** Milliseconds between two pieces of 64 kB. */
  delay?: number;
}

export interface HubServer {
  readonly url: string;
  readonly requests: SeenRequest[];
  readonly faults: Faults;
  /** `models/owner/name` or `datasets/owner/name`, with their files. */
  readonly repositories: Map<string, Map<string, Buffer>>;
  /** Repositories that want this token. */
  readonly gated: Map<string, string>;
  close(): Promise<void>;
}

/**
 * A server that speaks the Hub's paths: information and tree of a revision, the latter in pages, and `resolve`, which sends
 * small files itself and redirects large ones to a second server that knows ranges.
 */
export async function startHub(): Promise<HubServer> {
  const requests: SeenRequest[] = [];
  const faults: Faults = {};
  const repositories = new Map<string, Map<string, Buffer>>();
  const gated = new Map<string, string>();
  const log = (server: SeenRequest['server'], { url = '', headers }: IncomingMessage) =>
    requests.push({ server, path: url, range: headers.range, authorization: headers.authorization });
  const storage = await listen((request, response) => {
    log('storage', request);
    const [, kind, owner, name, ...rest] = decodeURIComponent(request.url ?? '').split('/');
    const contents = repositories.get(`${kind}/${owner}/${name}`)?.get(rest.join('/'));
    if (contents === undefined) return refuse(response, 404, 'EntryNotFound');
    return sendFile(request, response, contents, faults);
  });
  const hub = await listen((request, response) => {
    log('hub', request);
    const url = new URL(request.url ?? '', 'http://hub');
    const api = /^\/api\/((?:models|datasets)\/[^/]+\/[^/]+)\/(revision|tree)\/([^/]+)$/.exec(url.pathname);
    const file = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const key = api?.[1] ?? `${file?.[1] ?? 'models/'}${file?.[2]}`;
    const revision = decodeURIComponent(api?.[3] ?? file?.[3] ?? '');
    const files = repositories.get(key);
    // As the Hub has it: strangers are not told whether a repository exists.
    if (files === undefined) return refuse(response, request.headers.authorization ? 404 : 401, 'RepoNotFound');
    const token = gated.get(key);
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
      return refuse(response, request.headers.authorization ? 403 : 401, 'GatedRepo');
    if (!['main', 'HEAD', COMMIT].includes(revision)) return refuse(response, 404, 'RevisionNotFound');
    if (api?.[2] === 'revision')
      return sendJson(response, { _id: 'x', id: key, sha: COMMIT, lastModified: '2026-01-01' });
    if (api?.[2] === 'tree') return sendTree(response, url, hub.url, files);
    const name = decodeURIComponent(file?.[4] ?? '');
    const contents = files.get(name);
    if (contents === undefined) return refuse(response, 404, 'EntryNotFound');
    if (contents.length <= LARGE_BYTES) return sendFile(request, response, contents, {});
    return response
      .writeHead(302, {
        location: `${storage.url}/${key}/${encodeURIComponent(name)}`,
        'x-linked-size': contents.length,
        'x-linked-etag': `"${sha256(contents)}"`,
      })
      .end();
  });
  return {
    url: hub.url,
    requests,
    faults,
    repositories,
    gated,
    close: async () => {
      await Promise.all([hub.close(), storage.close()]);
    },
  };
}

/** The files of `models/tiny`, which is what every model of these tests is. */
export async function tinyFiles(): Promise<Map<string, Buffer>> {
  const names = (await readdir(TINY)).filter((name) => /\.(?:json|safetensors)$/.test(name));
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(path.join(TINY, name))] as const)));
}

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const server: Server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function sendTree(response: ServerResponse, url: URL, base: string, files: ReadonlyMap<string, Buffer>) {
  const entries = [...files].map(([name, contents]) => ({
    type: 'file',
    path: name,
    size: contents.length,
    oid: createHash('sha1').update(`blob ${contents.length}\0`).update(contents).digest('hex'),
    ...(contents.length > LARGE_BYTES && {
      lfs: { oid: sha256(contents), size: contents.length, pointerSize: 134 },
    }),
  }));
  const folders = new Set(entries.map((entry) => path.posix.dirname(entry.path)).filter((name) => name !== '.'));
  const all = [...[...folders].map((name) => ({ type: 'directory', path: name, size: 0, oid: '0' })), ...entries];
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const next = new URL(url.pathname + url.search, base);
  next.searchParams.set('cursor', `${from + PAGE}`);
  if (from + PAGE < all.length) response.setHeader('link', `<${next}>; rel="next"`);
  sendJson(response, all.slice(from, from + PAGE));
}

async function sendFile(request: IncomingMessage, response: ServerResponse, contents: Buffer, faults: Faults) {
  if (faults.status !== undefined) return response.writeHead(faults.status).end();
  const start = faults.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const shown = start + (faults.shiftRange ?? 0);
  let body = Buffer.from(contents.subarray(start, faults.truncateTo ?? contents.length));
  const corrupt = (faults.corruptByte ?? -1) - start;
  if (corrupt >= 0 && corrupt < body.length) body[corrupt]! ^= 1;
  const headers = { 'content-length': body.length, etag: `"${sha256(contents)}"`, 'accept-ranges': 'bytes' };
  if (start > 0) {
    const range = `bytes ${shown}-${contents.length - 1}/${contents.length}`;
    response.writeHead(206, { ...headers, 'content-range': range });
  } else response.writeHead(200, headers);
  const isCut = faults.cutAfter !== undefined && body.length > faults.cutAfter;
  if (isCut) body = body.subarray(0, faults.cutAfter);
  for (let at = 0; at < body.length; at += 65_536) {
    if (faults.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, faults.delay));
    if (response.destroyed) return;
    await new Promise((resolve) => response.write(body.subarray(at, at + 65_536), resolve));
  }
  return isCut ? response.destroy() : response.end();
}

function sendJson(response: ServerResponse, value: unknown) {
  return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, code: string) {
  return response.writeHead(status, { 'x-error-code': code, 'content-type': 'application/json' }).end('{"error":"no"}');
}

function sha256(contents: Buffer): string {
  return createHash('sha256').update(contents).digest('hex');
}
