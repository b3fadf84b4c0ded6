import { writeFileSync } from 'node:fs';
import { type ErrorKind, UserError } from '../../src/errors.js';
import type { FuzzTarget } from './fuzz-kind.js';

export interface Bounds {
  /** Of processor time, which does not depend on what else the machine does, for one input of at most some hundred kB; the usual one takes below a millisecond. */
  readonly seconds: number;
  /** Heap and buffers that one input may leave behind, before any of it is collected. */
  readonly bytes: number;
  /** Characters of an error message: a damaged file is no reason to fill a terminal for minutes. */
  readonly messageLength: number;
}

/** What the nightly script holds readers to, and `npm test`, where slow machines and neighbours count. */
export const BOUNDS: Bounds = { seconds: 5, bytes: 128 * 2 ** 20, messageLength: 100_000 };

export type Verdict =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly as: ErrorKind }
  /** `signature` is the same for inputs that fail in the same way. */
  | { readonly kind: 'failed'; readonly signature: string; readonly detail: string };

/** Overwrites the target's file with `input`, reads it, and says whether that ended as it must. */
export async function judge(target: FuzzTarget, input: Uint8Array, bounds: Bounds = BOUNDS): Promise<Verdict> {
  writeFileSync(target.file, input);
  const before = usedBytes();
  const start = process.cpuUsage();
  const verdict = await read(target, bounds);
  const { user, system } = process.cpuUsage(start);
  const seconds = (user + system) / 1e6;
  const grown = usedBytes() - before;
  if (verdict.kind === 'failed') return verdict;
  if (seconds > bounds.seconds) return failed('too slow', `${seconds.toFixed(1)} s`);
  if (grown > bounds.bytes) return failed('too much memory', `${Math.round(grown / 2 ** 20)} MB`);
  return verdict;
}

async function read(target: FuzzTarget, bounds: Bounds): Promise<Verdict> {
  try {
    await target.read();
    return { kind: 'accepted' };
  } catch (error) {
    if (!(error instanceof Error)) return failed('something thrown that is no error', String(error));
    if (!(error instanceof UserError)) return failed(signatureOf(error), error.stack ?? error.message);
    if (error.message.length > bounds.messageLength)
      return failed('a message without end', `${error.message.length} characters: ${error.message.slice(0, 500)}`);
    return { kind: 'refused', as: error.kind };
  }
}

function failed(signature: string, detail: string): Verdict {
  return { kind: 'failed', signature, detail };
}

/** Kind of error, the function that threw, and the message without what differs from input to input. */
function signatureOf(error: Error): string {
  const thrower = /^\s+at (?:async )?([^\s(]+) \(/m.exec(error.stack ?? '')?.[1] ?? '';
  const message = error.message.replace(/"[^"]*"|'[^']*'|\/\S+|\d+/g, '_').slice(0, 80);
  return `${error.name} in ${thrower}: ${message}`;
}

function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
