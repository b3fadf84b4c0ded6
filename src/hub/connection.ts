import { UserError } from '../errors.js';
import { refusal } from './refusal.js';
import type { Repository } from './repository.js';

export const DEFAULT_ENDPOINT = 'https://huggingface.co';

/** A server may be slow to begin and pause between pieces, but not for ever. */
export const SILENCE_MILLISECONDS = 60_000;

/** A failure of the network, or a server that is overloaded: another attempt may succeed. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

export interface ConnectionOptions {
  /** Default: https://huggingface.co. */
  readonly endpoint?: string;
  /** Access token. It goes to the endpoint alone, and only over https or to this machine. */
  readonly token?: string;
  readonly signal?: AbortSignal;
}

/** One repository on one server. */
export interface Connection {
  readonly repository: Repository;
  /** Branch, tag or commit as asked for. */
  readonly revision: string;
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** Whether a token is sent along. */
  readonly authenticated: boolean;
  /**
   * As the global one, but resolves only with answers of success. Throws `UserError` for a refusal, `Unreachable`, or the
   * reason of the connection's signal. Without a signal in `init` the whole answer must arrive within a minute.
   */
  readonly fetch: typeof fetch;
}

/** Asks nothing yet. Throws `UserError('usage')` for an endpoint that is no http address. */
export function connect(
  repository: Repository,
  revision: string,
  { endpoint = DEFAULT_ENDPOINT, token = '', signal }: ConnectionOptions,
): Connection {
  const base = parseEndpoint(endpoint);
  const authorization = token !== '' && isPrivate(base) ? `Bearer ${token}` : null;
  const connection: Connection = {
    repository,
    revision,
    endpoint: endpoint.replace(/\/+$/, ''),
    authenticated: authorization !== null,
    async fetch(input, init) {
      const url = new URL(input instanceof Request ? input.url : input);
      const headers = new Headers(init?.headers);
      // Compressed pieces could not be put together by their place in the file.
      headers.set('accept-encoding', 'identity');
      // A page of a listing names the next one itself, so each address is looked at before the token goes along. When the
      // Hub redirects to its storage, fetch drops it.
      headers.delete('authorization');
      if (authorization !== null && url.origin === base.origin) headers.set('authorization', authorization);
      const limit = init?.signal ?? AbortSignal.timeout(SILENCE_MILLISECONDS);
      const response = await fetch(url, {
        ...init,
        headers,
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
      }).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw new Unreachable(networkCause(error), { cause: error });
      });
      if (response.ok) return response;
      await response.body?.cancel().catch(() => undefined);
      if (response.status >= 500 || response.status === 429 || response.status === 408)
        throw new Unreachable(`answer ${response.status} of ${url.host}`);
      throw refusal(response, connection);
    },
  };
  return connection;
}

function parseEndpoint(endpoint: string): URL {
  const base = URL.canParse(endpoint) ? new URL(endpoint) : null;
  const usable = base !== null && /^https?:$/.test(base.protocol) && base.username === '' && base.search === '';
  if (usable) return base;
  throw new UserError('usage', {
    where: '--endpoint, HF_ENDPOINT',
    expected: `an http(s) address such as ${DEFAULT_ENDPOINT}`,
    // What stands before the @ may be a password.
    found: base?.username ? 'an address with a user name' : JSON.stringify(endpoint),
  });
}

function isPrivate({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** The message of what lies below fetch's own `fetch failed`. */
export function networkCause(error: unknown): string {
  const deepest = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(deepest instanceof Error)) return String(deepest);
  if (deepest.name === 'TimeoutError') return `no answer within ${SILENCE_MILLISECONDS / 1000} s`;
  const code = 'code' in deepest ? `${deepest.code}` : '';
  return deepest.message.includes(code) ? deepest.message || code : `${code} ${deepest.message}`;
}

/** What is told when no further attempt is made. */
export function unreachable({ endpoint }: Connection, { message, cause }: Unreachable): UserError {
  return new UserError(
    'resource',
    {
      where: endpoint,
      expected: 'a server that answers',
      found: message,
      fix: 'check the network and --endpoint (HF_ENDPOINT), then start the same command again; it goes on where it was',
    },
    { cause },
  );
}
